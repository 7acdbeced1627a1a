/** Stands in for the API of CivicPress: the paths that an engine in a process of its own asks, and their failures. */

import { once } from 'node:events'
import { createServer } from 'node:http'

export const SERVICE_TOKEN = 'service-secret'

const USERS = {
  'token-ann': { id: 1, username: 'ann', name: 'Ann', role: 'clerk', permissions: ['records:view', 'records:edit'] },
  'token-vic': { id: 3, username: 'vic', role: 'viewer', permissions: ['records:view'] },
  'token-out': { id: 4, username: 'out', role: 'outsider', permissions: [] },
  'token-all': { id: 'u9', username: 'root', role: 'admin', permissions: ['*'] },
  [SERVICE_TOKEN]: { id: 99, username: 'realtime', role: 'service', permissions: ['*'] },
}

/** An API on a port of its own, gone when the test is over. */
export class Api {
  /** `METHOD /path`, oldest first. */
  requests = []
  users = { ...USERS }
  records = new Map([
    ['noise', { id: 'noise', title: 'Noise', type: 'bylaw', status: 'published', content: 'Quiet.\n' }],
  ])
  drafts = new Map()
  snapshots = new Map()
  offersSnapshots = true
  /** Answers instead, if it returns something: a status, `'hang'`, `'cut'`, or a body. */
  fault = () => undefined
  #server
  #port = 0

  static async start(t) {
    const api = new Api()
    await api.up()
    t.after(() => api.down())
    return api
  }

  /** Listens; after the first time on the same port. */
  async up() {
    this.#server = createServer((request, response) => this.#answer(request, response))
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = this.#server.address().port
  }

  async down() {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`
  }

  async #answer(request, response) {
    const { method } = request
    const { pathname, searchParams } = new URL(request.url, this.url)
    const path = pathname.replace(/^\/api\/v1/, '')
    this.requests.push(`${method} ${path}${searchParams.size > 0 ? `?${searchParams}` : ''}`)
    let text = ''
    for await (const chunk of request) text += chunk
    const fault = this.fault(method, path)
    if (fault === 'hang') return
    if (fault === 'cut') return request.socket.destroy()
    if (typeof fault === 'number') return send(response, fault, { success: false, error: { code: 'FAULT' } })
    if (fault !== undefined) return send(response, 200, fault)
    const user = this.users[request.headers.authorization?.slice('Bearer '.length)]
    if (!user) return send(response, 401, { success: false, error: { code: 'INVALID_TOKEN' } })
    const body = text === '' ? {} : JSON.parse(text)
    const [status, data] = this.#route(method, path, searchParams.get('edit') === 'true', user, body)
    return send(response, status, status < 300 ? { success: true, data } : { success: false, error: { status } })
  }

  #route(method, path, edit, user, body) {
    if (path === '/auth/me') return [200, { user }]
    const [, encoded, what] = /^\/records\/([^/]+)(?:\/(.+))?$/.exec(path) ?? []
    if (!encoded) return [404]
    const id = decodeURIComponent(encoded)
    if (what === 'collab-snapshot') return this.#snapshot(method, id, body)
    if (what === 'draft') return this.#saveDraft(id, body)
    const mayEdit = user.permissions.some((one) => one === '*' || one === 'records:edit')
    const draft = edit && mayEdit ? this.drafts.get(id) : undefined
    const found = draft ? { ...draft, isDraft: true } : this.records.get(id)
    return found ? [200, { isDraft: false, ...found }] : [404]
  }

  #saveDraft(id, body) {
    const draft = this.drafts.get(id)
    if (!draft && !(body.title && body.type)) return [400]
    this.drafts.set(id, { id, ...draft, ...body })
    return [200, this.drafts.get(id)]
  }

  #snapshot(method, id, body) {
    if (!this.offersSnapshots) return [404]
    if (method === 'POST') this.snapshots.set(id, body)
    return this.snapshots.has(id) ? [200, this.snapshots.get(id)] : [404]
  }
}

function send(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}
