/** Answers the engine's questions about records from the services of CivicPress core. */

import { RECORDS_ROOM_TYPE, SNAPSHOT_AUTHOR } from './constants.js'
import type { AuthService, AuthUser, CoreRecord, DatabaseService, DraftRow, NewDraft, RecordManager } from './core.js'
import { RealtimeError } from './errors.js'
import type { Authorization, AuthorizeRequest, HostCallbacks, LoadedRecord } from './native.js'

/** The services as they are when a question is asked: the host may replace them meanwhile. */
export interface RecordServices {
  auth: AuthService
  records: RecordManager | undefined
  drafts: DatabaseService | undefined
  /** Told of each session that was found valid for a room that is no record's. */
  sessionChecked?: (token: string, user: AuthUser) => void
}

/** A record's room. */
export interface RecordRoom {
  roomId: string
  roomType: string
  /** The record's id. */
  localId: string
}

/** The engine's questions that this file answers. */
export type RecordHost = Required<Pick<HostCallbacks, 'authorize' | 'load' | 'save'>>

/** Makes the callbacks. A rejection of any of them means that the host failed, never "no". */
export function createRecordHost(services: RecordServices): RecordHost {
  return {
    authorize: (request) => authorize(services, request),
    load: (room) => load(services, room),
    save: (room, markdown) => save(services, room, markdown),
  }
}

/**
 * Session first, then the record, then what the user may do with it. In rooms of other types the session is all that
 * is checked here: what a user may do there is their handler's to say.
 */
async function authorize(services: RecordServices, request: AuthorizeRequest): Promise<Authorization> {
  const { token } = request
  if (!token) return { denied: 'AUTH_FAILED', reason: 'token_missing' }
  const user = await services.auth.validateSession(token)
  if (!user) return { denied: 'AUTH_FAILED', reason: 'session_invalid' }

  const shown = { id: user.id, name: user.name ?? user.username, role: user.role ?? null }
  if (request.roomType !== RECORDS_ROOM_TYPE) {
    services.sessionChecked?.(token, user)
    return { user: shown, canEdit: true }
  }
  const recordType = await typeOfRecord(services, request)
  if (recordType === null) return { denied: 'PERMISSION_DENIED', reason: 'record_not_found' }

  if (!(await services.auth.userCan(user, 'records:view', { recordType, action: 'view' }))) {
    return { denied: 'PERMISSION_DENIED', reason: 'view_not_allowed' }
  }
  const canEdit = await services.auth.userCan(user, 'records:edit', { recordType, action: 'edit' })
  return { user: shown, canEdit }
}

async function typeOfRecord(services: RecordServices, room: RecordRoom): Promise<string | null> {
  const record = await recordOf(services, room)
  if (record) return record.type
  const draft = await draftOf(services, room)
  return draft ? draft.type : null
}

/** The draft's text if there is a draft, else the published record's. */
async function load(services: RecordServices, room: RecordRoom): Promise<LoadedRecord | null> {
  const draft = await draftOf(services, room)
  // An empty text is a text; null is a draft that never had one of its own.
  if (draft && draft.markdown_body != null) return { markdown: textOf(draft.markdown_body, room) }
  const record = await recordOf(services, room)
  if (record) return { markdown: textOf(record.content ?? '', room) }
  return draft ? { markdown: '' } : null
}

/** Writes the text into the record's draft; creates the draft if there is none. */
async function save(services: RecordServices, room: RecordRoom, markdown: string): Promise<void> {
  const { drafts } = services
  if (!drafts) throw unreadable(room, 'there is no database service to write drafts with')
  const id = room.localId
  if (await drafts.getDraft(id)) {
    await drafts.updateDraft(id, { markdown_body: markdown })
    return
  }
  const record = await recordOf(services, room)
  if (!record) throw unreadable(room, 'neither a draft nor a published record is there any more')
  await drafts.createDraft(newDraft(record, markdown))
}

function newDraft(record: CoreRecord, markdown: string): NewDraft {
  const { id, title, type, status, workflowState, metadata } = record
  return {
    id,
    title,
    type,
    status,
    ...(workflowState === undefined ? {} : { workflow_state: workflowState }),
    markdown_body: markdown,
    metadata: metadata == null ? null : typeof metadata === 'string' ? metadata : JSON.stringify(metadata),
    author: SNAPSHOT_AUTHOR,
    created_by: SNAPSHOT_AUTHOR,
  }
}

async function recordOf(services: RecordServices, room: RecordRoom): Promise<CoreRecord | null> {
  if (room.roomType !== RECORDS_ROOM_TYPE) {
    throw unreadable(room, `rooms of type ${JSON.stringify(room.roomType)} hold no records`)
  }
  if (!services.records) throw unreadable(room, 'the host has not set a record manager')
  return (await services.records.getRecord(room.localId)) ?? null
}

async function draftOf(services: RecordServices, room: RecordRoom): Promise<DraftRow | null> {
  return (await services.drafts?.getDraft(room.localId)) ?? null
}

/** A text that is no text must not become an empty document, which would then be written back. */
function textOf(value: unknown, room: RecordRoom): string {
  if (typeof value === 'string') return value
  throw unreadable(room, `its text is of type ${typeof value}`)
}

function unreadable(room: RecordRoom, why: string): RealtimeError {
  const { roomId, localId: recordId } = room
  return new RealtimeError(
    `record ${JSON.stringify(recordId)} cannot be read or written: ${why}`,
    { roomId, recordId },
    { code: 'RECORD_UNREADABLE', statusCode: 502 },
  )
}
