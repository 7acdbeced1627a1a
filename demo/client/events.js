const REOPEN_MS = 2000

/**
 * Listens to the host's events. A hidden window lets go of its stream: a browser gives one site six connections,
 * and a demo of collaboration has many windows. `open` is called at every (re)connection: something may have been missed.
 *
 * @param {{open: () => void, draft: (data: {id: string}) => void, people: () => void}} handlers
 */
export function listenToHost(handlers) {
  /** @type {EventSource | null} */
  let source = null
  let timer = 0

  function open() {
    if (source || document.hidden) return
    source = new EventSource('/api/events')
    source.addEventListener('open', () => handlers.open())
    source.addEventListener('draft', (event) => handlers.draft(JSON.parse(event.data)))
    source.addEventListener('people', () => handlers.people())
    source.addEventListener('error', () => {
      // The browser retries by itself unless it has given up for good.
      if (source?.readyState !== EventSource.CLOSED) return
      close()
      timer = setTimeout(open, REOPEN_MS)
    })
  }

  function close() {
    clearTimeout(timer)
    source?.close()
    source = null
  }

  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()))
  open()
}
