/** The core's announcements that a record was changed by somebody who is not in its room. */

import type { Logger } from './core.js'
import { log } from './event-sink.js'
import type { HookListener } from './hook-listeners.js'

/** What a room is told, by hook. */
const NOTICES: Readonly<Record<string, (data: Record<string, unknown>) => string>> = {
  'record:updated': () => 'This record was changed elsewhere.',
  'record:committed': () => 'This record was committed elsewhere.',
  'record:published': () => 'This record was published elsewhere.',
  'status:changed': ({ newStatus }) =>
    typeof newStatus === 'string'
      ? `The status of this record is now ${newStatus}.`
      : 'The status of this record changed.',
}

/** Calls `changed` with the record's id and a notice for its room; payloads without an id get a warning. */
export function onRecordsChanged(
  logger: Logger,
  changed: (recordId: string, notice: string) => unknown,
): Record<string, HookListener> {
  const listeners = Object.entries(NOTICES).map(([hook, notice]): [string, HookListener] => [
    hook,
    (data) => {
      const facts = Object(data) as Record<string, unknown>
      const recordId = recordIdIn(facts)
      if (recordId !== null) return changed(recordId, notice(facts))
      log(logger, 'warn', `Ignored a ${hook} hook: its payload names no record`, {
        operation: 'realtime:records:ignored',
        hook,
        expected: '{record: {id}}, {recordId} or {id}',
      })
      return undefined
    },
  ])
  return Object.fromEntries(listeners)
}

/** The core's hooks hold the record, its commands and modules its id in one place or the other. */
function recordIdIn({ record, recordId, id }: Record<string, unknown>): string | null {
  const { id: ownId } = Object(record) as { id?: unknown }
  const found = [ownId, recordId, id].find((candidate) => candidate !== undefined && candidate !== null)
  return typeof found === 'string' && found !== '' ? found : null
}
