/**
 * Follows the true state of the connection: `connecting`, `syncing`, `connected`, `offline` or `refused`.
 *
 * @param {import('y-websocket').WebsocketProvider} provider
 * @param {(state: string, reason: string) => void} onChange `reason` is why the server ended it, if it said so
 */
export function watchConnection(provider, onChange) {
  let failed = false
  let refused = false
  let reason = ''
  let last = ''

  function current() {
    if (refused) return 'refused'
    if (provider.wsconnected) return provider.synced ? 'connected' : 'syncing'
    return failed ? 'offline' : 'connecting'
  }

  function update() {
    const state = current()
    if (state === last) return
    last = state
    onChange(state, reason)
  }

  provider.on('status', ({ status }) => {
    if (status === 'connected') {
      failed = false
      reason = ''
    }
    if (status === 'disconnected') failed = true
    update()
  })
  provider.on('sync', update)
  provider.on('connection-error', () => {
    failed = true
    update()
  })
  provider.on('connection-close', (event) => {
    failed = true
    reason = nameOf(event?.reason) ?? reason
    // The provider still looks connected while it tells of the end.
    queueMicrotask(update)
  })
  provider.on('closed', ({ code }) => {
    refused = true
    reason ||= `code ${code}`
    update()
  })
  update()
}

/** A close reason of our server is JSON text: {"code":"NAME",...}. */
function nameOf(text) {
  try {
    return JSON.parse(text).code ?? null
  } catch {
    return text || null
  }
}
