// Server-sent events: tells every open page what happened, so that none has to ask again and again.

const KEEP_ALIVE_MS = 15_000
const RETRY_MS = 1_000

export function createEvents() {
  /** @type {Set<import('node:http').ServerResponse>} */
  const streams = new Set()

  const keepAlive = setInterval(() => write(': still here\n\n'), KEEP_ALIVE_MS)
  keepAlive.unref()

  function write(text) {
    for (const stream of streams) stream.write(text)
  }

  return {
    /** @param {import('node:http').ServerResponse} response */
    join(response) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      response.write(`retry: ${RETRY_MS}\n\n`)
      streams.add(response)
      response.on('close', () => streams.delete(response))
    },

    emit(name, data) {
      write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
    },

    close() {
      clearInterval(keepAlive)
      for (const stream of streams) stream.end()
    },
  }
}
