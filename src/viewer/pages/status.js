const state = document.querySelector('#state')
const shown = document.querySelector('#status')

async function show() {
  const status = await (await fetch('/api/status')).json()
  if (status.version > 0)
    state.textContent = `${status.metrics.kept} points, ${status.traces.traces} traces, ${status.logs.kept} log lines.`
  shown.textContent = JSON.stringify(status, null, 2)
}

new EventSource('/api/stream').addEventListener('data', show)
