/** Requests to the API of CivicPress: bounded in time, repeated where that does no harm, and silent about tokens. */

import { setTimeout as sleep } from 'node:timers/promises'

import { RealtimeError } from './errors.js'

/** How the API is reached. */
export interface ApiOptions {
  /** Such as `http://localhost:3000`; the paths `/api/v1/...` are put behind it. */
  baseUrl: string
  /** The token of the service account that records are read and drafts are written with. */
  serviceToken: string
  /** How long one attempt may take, in milliseconds, with its answer read. @default 3000 */
  timeoutMs?: number
  /** How often a request that changes nothing by being repeated is repeated. @default 2 */
  retries?: number
  /** Makes the requests. @default the global `fetch` */
  fetch?: typeof fetch
}

/** A request. */
export interface ApiRequest {
  method: 'GET' | 'PUT' | 'POST'
  /** Behind `/api/v1`, encoded. */
  path: string
  token: string
  /** Sent as JSON. */
  body?: unknown
}

/** An answer below 500. */
export interface ApiAnswer {
  status: number
  /** What the answer holds; null if the status is no success. */
  data: Record<string, unknown> | null
}

const TIMEOUT_MS = 3_000
const RETRIES = 2
/** The first pause between two attempts; each is twice the one before it. In milliseconds. */
const PAUSE_MS = 100
const PAUSE_MS_MAX = 2_000
/** What may stand in a header. */
const TOKEN = /^[\x21-\x7e]+$/

/** The API as one client sees it. */
export class ApiClient {
  readonly #base: string
  readonly #options: ApiOptions

  /** @throws RealtimeError with code `CONFIG_INVALID` for an address or a token that cannot be one */
  constructor(options: ApiOptions) {
    this.#base = `${checkBase(options.baseUrl)}/api/v1`
    this.#options = options
    if (!isToken(options.serviceToken)) throw wrongOption('serviceToken', 'a token of visible ASCII characters')
    for (const key of ['timeoutMs', 'retries'] as const) {
      const value = options[key]
      if (value !== undefined && !(Number.isFinite(value) && value >= 0)) throw wrongOption(key, 'a number, 0 or more')
    }
  }

  /**
   * Makes a request. A GET or PUT is repeated when the API cannot be reached, is late, or answers with 500 and up.
   *
   * @throws RealtimeError with code `API_FAILED` when that was of no use, or an answer cannot be read
   */
  async request(request: ApiRequest): Promise<ApiAnswer> {
    const attempts = request.method === 'POST' ? 1 : (this.#options.retries ?? RETRIES) + 1
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#attempt(request)
      if (typeof outcome !== 'string') return outcome
      if (attempt >= attempts) throw failed(request, outcome, attempt)
      const pause = Math.min(PAUSE_MS * 2 ** (attempt - 1), PAUSE_MS_MAX)
      // Many clients that failed together must not come back together.
      await sleep(pause * (0.5 + Math.random() / 2))
    }
  }

  /** The answer, or in words why there is none that is worth anything. */
  async #attempt({ method, path, token, body }: ApiRequest): Promise<ApiAnswer | string> {
    const timeoutMs = this.#options.timeoutMs ?? TIMEOUT_MS
    const request = this.#options.fetch ?? fetch
    let text: string
    let status: number
    try {
      const response = await request(`${this.#base}${path}`, {
        method,
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // Whoever redirects would be shown the token.
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      })
      status = response.status
      text = await response.text()
    } catch (error) {
      return reasonOf(error, timeoutMs)
    }
    if (status >= 500) return `it answered ${status}`
    if (status < 200 || status >= 300) return { status, data: null }
    const data = readData(text)
    return data ? { status, data } : 'its answer is no JSON object'
  }
}

/** Whether this can be sent as a token. One that cannot would stand in the error that says so. */
export function isToken(token: unknown): token is string {
  return typeof token === 'string' && TOKEN.test(token)
}

/** An answer with which nothing can be done. */
export function unexpected(request: Omit<ApiRequest, 'token'>, problem: string): RealtimeError {
  return failed(request, problem, 1)
}

function failed({ method, path }: Omit<ApiRequest, 'token'>, problem: string, attempts: number): RealtimeError {
  return new RealtimeError(
    `the API failed at ${method} ${path}: ${problem}`,
    { method, path, problem, attempts },
    { code: 'API_FAILED', statusCode: 502 },
  )
}

/** The API wraps what it has to say into `{success, data}`. */
function readData(text: string): Record<string, unknown> | null {
  try {
    const answer: unknown = JSON.parse(text === '' ? '{}' : text)
    const { data } = Object(answer) as { data?: unknown }
    const found = data !== undefined && data !== null ? data : answer
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : null
  } catch {
    return null
  }
}

/** Of what fetch throws only the code is passed on: its messages may quote headers. */
function reasonOf(error: unknown, timeoutMs: number): string {
  const { name, cause } = Object(error) as { name?: unknown; cause?: unknown }
  if (name === 'TimeoutError' || name === 'AbortError') return `it did not answer within ${timeoutMs} ms`
  const { code } = Object(cause) as { code?: unknown }
  return typeof code === 'string' ? `it cannot be reached (${code})` : 'it cannot be reached'
}

function checkBase(baseUrl: unknown): string {
  const url = typeof baseUrl === 'string' && URL.canParse(baseUrl) ? new URL(baseUrl) : null
  const allowed =
    url && (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.search === ''
  if (!allowed) throw wrongOption('baseUrl', 'an http(s) address without a user and a query')
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}

function wrongOption(key: string, allowed: string): RealtimeError {
  return new RealtimeError(
    `${key} is not usable; expected ${allowed}`,
    { key, allowed },
    {
      code: 'CONFIG_INVALID',
      statusCode: 400,
    },
  )
}
