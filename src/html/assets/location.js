// Fills the form with the browser's position, which is asked for only when the person clicks.
const button = document.querySelector('#find')
const status = document.querySelector('#find-status')
const field = (name) => document.querySelector(`#${name}`)

const REASONS = {
  1: 'The browser may not tell your place. Allow it in the settings of the browser, or type the numbers.',
  2: 'The browser does not know your place. Type the numbers instead.',
  3: 'The browser took too long. Try again, or type the numbers.',
}

function fill({ coords: { latitude, longitude, accuracy } }) {
  // A metre, about.
  field('latitude').value = latitude.toFixed(5)
  field('longitude').value = longitude.toFixed(5)
  field('accuracy').value = Math.round(accuracy)
  status.textContent = 'Filled in; nothing is saved yet.'
  field('label').focus()
}

if ('geolocation' in navigator) {
  button.hidden = false
  button.addEventListener('click', () => {
    status.textContent = 'Asking the browser …'
    navigator.geolocation.getCurrentPosition(
      fill,
      ({ code }) => {
        status.textContent = REASONS[code]
      },
      { timeout: 20_000 },
    )
  })
}
