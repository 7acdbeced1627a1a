/**
 * Follows the true state of the connection: `connecting`, `syncing`, `connected`, `offline` or `refused`.
 *
 * @param {import('y-websocket').WebsocketProvider} provider
 * @param {(state: string, detail: string) => void} onChange
 */
export function watchConnection(provider, onChange) {
  let failed = false
  let refusal = ''
  let last = ''

  function current() {
    if (refusal) return 'refused'
    if (provider.wsconnected) return provider.synced ? 'connected' : 'syncing'
    return failed ? 'offline' : 'connecting'
  }

  function update() {
    const state = current()
    if (state === last) return
    last = state
    onChange(state, refusal)
  }

  provider.on('status', ({ status }) => {
    if (status === 'connected') failed = false
    if (status === 'disconnected') failed = true
    update()
  })
  provider.on('sync', update)
  provider.on('connection-error', () => {
    failed = true
    update()
  })
  provider.on('connection-close', () => {
    failed = true
    // The provider still looks connected while it tells of the end.
    queueMicrotask(update)
  })
  provider.on('closed', ({ code, reason }) => {
    refusal = nameOf(reason) ?? `code ${code}`
    update()
  })
  update()
}

/** A close reason of our server is JSON text: {"code":"NAME",...}. */
function nameOf(reason) {
  try {
    return JSON.parse(reason).code ?? null
  } catch {
    return reason || null
  }
}
