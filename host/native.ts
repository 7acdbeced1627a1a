/** Loads the native addon through the loader that napi generates at the package's root. */

import type * as Native from '../index.js'

export type {
  Authorization,
  AuthorizeRequest,
  ClientPermissions,
  ConfigReport,
  ConnectAnswer,
  Connection,
  ConnectRequest,
  DocumentCodec,
  Health,
  HostCallbacks,
  LoadedRecord,
  RoomSummary,
  RoomTypeCallbacks,
} from '../index.js'

function load(): typeof Native {
  try {
    return require('../index.js') as typeof Native
  } catch (cause) {
    // The generated loader lists every file name it tried; what helps is what to do about it.
    throw new Error(
      `the native addon of @civicpress/realtime cannot be loaded on ${process.platform}-${process.arch} ` +
        `(Node.js ${process.version}); build it with \`npm rebuild @civicpress/realtime\`, which needs Rust ` +
        'and a C compiler',
      { cause },
    )
  }
}

/**
 * The engine itself. The CivicPress services around it are {@link RealtimeServer}; a host of another
 * kind can use this class alone.
 */
export const RealtimeModule = load().RealtimeModule

/** An instance of {@link RealtimeModule}. */
export type RealtimeModule = Native.RealtimeModule
