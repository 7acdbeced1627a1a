/** Compiled, never run: a CommonJS host gets the same types. */

import realtime = require('@civicpress/realtime')
import services = require('@civicpress/realtime/realtime-services')

const manager: realtime.RealtimeConfigManager = new realtime.RealtimeConfigManager('/srv/civic/.system-data')
const server: typeof realtime.createRealtimeServer = services.createRealtimeServer

export = { manager, server }
