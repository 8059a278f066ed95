// Plays one song after the other, and never two at once.
const songs = [...document.querySelectorAll('.playlist audio')]

for (const [index, song] of songs.entries()) {
  song.addEventListener('play', () => {
    for (const other of songs) if (other !== song) other.pause()
  })
  song.addEventListener('ended', () => songs[index + 1]?.play())
}
