// The page and its JSON API.
//
//   GET /api/session             who one can be, and where the realtime server listens
//   GET /api/records             all records, with how many people are in each
//   GET /api/records/:id         one record with its text
//   GET /api/records/:id/draft   its draft as the server last wrote it (null before the first)
//   GET /api/events              server-sent events: `draft`, `people`
//   GET /api/health              what the realtime module says about itself

import http from 'node:http'
import { serveFilesOf } from './static.mjs'

export function createHttpServer({ settings, users, records, events, realtime }) {
  const serveFile = serveFilesOf(settings.publicDir)

  const routes = [
    [/^\/api\/session$/, () => ({ users, realtimePort: settings.realtimePort })],
    [/^\/api\/records$/, () => listWithPeople()],
    [/^\/api\/records\/([^/]+)$/, ([, id]) => records.get(id)],
    [/^\/api\/records\/([^/]+)\/draft$/, async ([, id]) => records.get(id) && { draft: await records.draft(id) }],
    [/^\/api\/health$/, () => realtime.health()],
  ]

  function listWithPeople() {
    const people = realtime.peopleByRecord()
    return { records: records.list().map((record) => ({ ...record, people: people.get(record.id) ?? 0 })) }
  }

  async function answer(request, response) {
    if (request.method !== 'GET' && request.method !== 'HEAD') return sendJson(response, 405, { error: 'only GET' })
    const pathname = decodePath(request.url)
    if (pathname === null) return sendJson(response, 400, { error: 'the address cannot be read' })
    if (pathname === '/api/events') return events.join(response)
    for (const [pattern, handler] of routes) {
      const match = pattern.exec(pathname)
      if (!match) continue
      const body = await handler(match)
      return body ? sendJson(response, 200, body) : sendJson(response, 404, { error: 'there is no such record' })
    }
    if (!(await serveFile(pathname, response))) sendJson(response, 404, { error: 'not found' })
  }

  return http.createServer((request, response) => {
    answer(request, response).catch((error) => {
      console.error(`${request.method} ${request.url}:`, error)
      if (response.headersSent) response.destroy()
      else sendJson(response, 500, { error: 'the demo server failed; its terminal says why' })
    })
  })
}

function decodePath(url) {
  try {
    return decodeURIComponent(new URL(url, 'http://demo').pathname)
  } catch {
    return null
  }
}

function sendJson(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}

/**
 * @param {import('node:http').Server} server
 * @returns {Promise<void>} rejects when the port cannot be had
 */
export function listen(server, port, host) {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
