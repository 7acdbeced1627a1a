/** The engine's questions answered over HTTP, for an engine in a process of its own. */

import { ApiClient, type ApiAnswer, type ApiOptions, isToken, unexpected } from './api-client.js'
import { RECORDS_ROOM_TYPE } from './constants.js'
import type { Authorization, AuthorizeRequest, HostCallbacks, LoadedRecord } from './native.js'

/** A document that the API keeps. */
export interface CollabSnapshot {
  /** A Yjs update (version 1). */
  snapshot: Uint8Array
  version: number
}

/** Callbacks for {@link RealtimeModule}, and the API's snapshots. */
export interface ApiHost extends Required<Pick<HostCallbacks, 'authorize' | 'load' | 'save'>> {
  /**
   * The snapshot that the API keeps of a record; null if it keeps none, or offers none at all. The engine has
   * snapshots of its own and does not ask.
   */
  readSnapshot(recordId: string): Promise<CollabSnapshot | null>
  /** Hands a snapshot to the API. False if it does not offer to keep one. Not repeated when it fails. */
  writeSnapshot(recordId: string, snapshot: CollabSnapshot): Promise<boolean>
}

type Room = Parameters<HostCallbacks['load']>[0]
type Denied = Extract<Authorization, { denied: unknown }>

/**
 * Makes the callbacks. Users are checked with their own tokens, so that the API decides what they see; records are
 * read and drafts written with the service account's.
 *
 * What a user may do is read from the `permissions` that `GET /auth/me` gives: `records:edit` to edit, and
 * `records:view` or `records:edit` to look; `records:*` and `*` stand for both. Without `permissions`, whoever the
 * API shows the record to may look at it.
 *
 * An API that fails is a fault and never a no: clients are closed with 4500 and try again.
 *
 * @throws RealtimeError with code `CONFIG_INVALID` for an address or a token that cannot be one
 */
export function createApiHost(options: ApiOptions): ApiHost {
  const client = new ApiClient(options)
  const service = options.serviceToken
  return {
    authorize: (request) => authorize(client, request),
    load: (room) => load(client, service, room),
    save: (room, markdown) => save(client, service, room, markdown),
    readSnapshot: (recordId) => readSnapshot(client, service, recordId),
    writeSnapshot: (recordId, snapshot) => writeSnapshot(client, service, recordId, snapshot),
  }
}

async function authorize(client: ApiClient, request: AuthorizeRequest): Promise<Authorization> {
  const { token, roomType, localId } = request
  if (!token) return { denied: 'AUTH_FAILED', reason: 'token_missing' }
  if (!isToken(token)) return { denied: 'AUTH_FAILED', reason: 'session_invalid' }
  const asked = { method: 'GET', path: '/auth/me' } as const
  const me = await client.request({ ...asked, token })
  // An API without this path is another API, which says nothing about the user.
  const refused = me.status === 404 ? null : refusalIn(me, asked)
  if (refused) return refused
  const { user, permissions } = readUser(me, asked)
  if (roomType !== RECORDS_ROOM_TYPE) return { user, canEdit: true }
  const canEdit = permissions !== null && may(permissions, 'edit')
  if (permissions && !canEdit && !may(permissions, 'view')) {
    return { denied: 'PERMISSION_DENIED', reason: 'view_not_allowed' }
  }
  const askedFor = { method: 'GET', path: recordPath(localId, canEdit) } as const
  return refusalIn(await client.request({ ...askedFor, token }), askedFor) ?? { user, canEdit }
}

/** The draft's text if there is a draft, else the published record's. */
async function load(client: ApiClient, token: string, room: Room): Promise<LoadedRecord | null> {
  const asked = { method: 'GET', path: recordPath(room.localId, true) } as const
  const record = await getRecord(client, token, asked)
  if (!record) return null
  const { isDraft, markdownBody, content } = record
  // A draft without a text of its own changes only other fields of its record.
  if (isDraft !== true) return { markdown: textOf(content ?? markdownBody ?? '', asked) }
  if (markdownBody != null) return { markdown: textOf(markdownBody, asked) }
  const published = await getRecord(client, token, { method: 'GET', path: recordPath(room.localId, false) })
  return { markdown: textOf(published?.['content'] ?? '', asked) }
}

/** Writes the text into the record's draft; the API wants to know more to make a draft where there is none. */
async function save(client: ApiClient, token: string, room: Room, markdownBody: string): Promise<void> {
  const asked = { method: 'PUT', path: `${recordPath(room.localId, false)}/draft` } as const
  let answer = await client.request({ ...asked, token, body: { markdownBody } })
  if (answer.status === 400) {
    const record = await getRecord(client, token, { method: 'GET', path: recordPath(room.localId, true) })
    if (!record) throw unexpected(asked, 'there is no such record any more')
    const { title, type, status, workflowState, metadata } = record
    answer = await client.request({
      ...asked,
      token,
      body: { title, type, status, workflowState, metadata, markdownBody },
    })
  }
  if (!answer.data) throw unexpected(asked, `it answered ${answer.status}`)
}

async function readSnapshot(client: ApiClient, token: string, recordId: string): Promise<CollabSnapshot | null> {
  const asked = { method: 'GET', path: `${recordPath(recordId, false)}/collab-snapshot` } as const
  const answer = await client.request({ ...asked, token })
  if (answer.status === 404) return null
  const { snapshot, version } = answer.data ?? {}
  if (typeof snapshot !== 'string' || typeof version !== 'number') {
    throw unexpected(asked, `it answered ${answer.status} without a snapshot`)
  }
  return { snapshot: Buffer.from(snapshot, 'base64'), version }
}

async function writeSnapshot(
  client: ApiClient,
  token: string,
  recordId: string,
  { snapshot, version }: CollabSnapshot,
): Promise<boolean> {
  const asked = { method: 'POST', path: `${recordPath(recordId, false)}/collab-snapshot` } as const
  const body = { snapshot: Buffer.from(snapshot).toString('base64'), version }
  const answer = await client.request({ ...asked, token, body })
  if (answer.status === 404) return false
  if (!answer.data) throw unexpected(asked, `it answered ${answer.status}`)
  return true
}

type Asked = { method: 'GET'; path: string }

/** What the service account is shown. Being refused is a fault: the account lacks rights that it must have. */
async function getRecord(client: ApiClient, token: string, asked: Asked): Promise<Record<string, unknown> | null> {
  const answer = await client.request({ ...asked, token })
  if (answer.status === 404) return null
  if (!answer.data) throw unexpected(asked, `it answered ${answer.status} to the service account`)
  const record = Object(answer.data['record'] ?? answer.data) as Record<string, unknown>
  if (typeof record['id'] !== 'string') throw unexpected(asked, 'its answer holds no record')
  return record
}

function refusalIn({ status, data }: ApiAnswer, asked: Asked): Denied | null {
  if (data) return null
  if (status === 401) return { denied: 'AUTH_FAILED', reason: 'session_invalid' }
  if (status === 404) return { denied: 'PERMISSION_DENIED', reason: 'record_not_found' }
  if (status === 403) return { denied: 'PERMISSION_DENIED', reason: 'view_not_allowed' }
  throw unexpected(asked, `it answered ${status}`)
}

interface CheckedUser {
  user: { id: number | string; name: string | null; role: string | null }
  permissions: string[] | null
}

function readUser({ data }: ApiAnswer, asked: Asked): CheckedUser {
  const { id, name, username, role, permissions } = Object(data?.['user'] ?? data) as Record<string, unknown>
  if (typeof id !== 'number' && typeof id !== 'string') throw unexpected(asked, 'its answer holds no user')
  const shown = [name, username].find((text) => typeof text === 'string' && text !== '')
  return {
    user: { id, name: (shown as string | undefined) ?? null, role: typeof role === 'string' ? role : null },
    permissions: Array.isArray(permissions) ? permissions.filter((one) => typeof one === 'string') : null,
  }
}

function may(permissions: string[], action: 'view' | 'edit'): boolean {
  return permissions.some((one) => one === '*' || one === 'records:*' || one === `records:${action}`)
}

function recordPath(recordId: string, withDraft: boolean): string {
  return `/records/${encodeURIComponent(recordId)}${withDraft ? '?edit=true' : ''}`
}

/** A text that is no text must not become an empty document, which would then be written back. */
function textOf(value: unknown, asked: Asked): string {
  if (typeof value === 'string') return value
  throw unexpected(asked, `the text of the record is of type ${typeof value}`)
}
