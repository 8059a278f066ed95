// Loaded before the page is drawn, so a chosen scheme does not flash. Without a choice the system's holds.
;(() => {
  let chosen = null
  try {
    chosen = localStorage.getItem('theme')
  } catch {}
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen
})()
