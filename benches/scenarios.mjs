/** What is measured with the load generator: `load` is its scenario and options, `shows` the figures of the table. */

const THROUGHPUT = ['deliveries_per_s', 'p50_ms', 'p99_ms']
const COST = ['server_cpu_s_per_million', 'p50_ms', 'p99_ms']

/** Servers that are known to take it; the others would only be waited for. */
const KEEP_DOCUMENTS = ['addon', 'engine', 'hocuspocus', 'y-websocket', 'y-sweet']

export const scenarios = {
  'in-flight-64': {
    title: '1 room, 20 clients, 2 writers, 64 updates in flight',
    load: ['in-flight', { clients: 20, writers: 2, 'in-flight': 64 }],
    shows: THROUGHPUT,
  },
  'in-flight-1': {
    title: 'the same, 1 update in flight',
    load: ['in-flight', { clients: 20, writers: 2, 'in-flight': 1 }],
    shows: THROUGHPUT,
  },
  rooms: {
    title: '50 rooms, 10 clients each, all typing 10 updates/s',
    load: ['paced', { rooms: 50, clients: 10, writers: 10, rate: 10 }],
    shows: COST,
  },
  idle: {
    title: '1,000 idle connections in 100 rooms',
    load: ['idle', { rooms: 100, clients: 11 }],
    shows: ['kib_per_connection', 'connections'],
  },
  'idle-10000': {
    title: '10,000 idle connections in 100 rooms',
    load: ['idle', { rooms: 100, clients: 101 }],
    shows: ['kib_per_connection', 'server_rss_mib', 'connections'],
  },
  join: {
    title: '100 clients join a 1 MB document at once',
    load: ['join', { clients: 100, 'document-bytes': 1_000_000 }],
    shows: ['p50_ms', 'p99_ms', 'server_peak_growth_mib'],
  },
  large: {
    title: '1 MB document, 1 writer with 20 updates/s, 9 readers',
    load: ['paced', { clients: 10, writers: 1, rate: 20, 'document-bytes': 1_000_000 }],
    shows: COST,
  },
  presence: {
    title: '1 room, 50 clients, each moving its caret 5 times a second',
    load: ['presence', { clients: 50, writers: 50, rate: 5 }],
    shows: COST,
  },
  reconnect: {
    title: '200 clients with something typed offline come back to 20 documents of 100 KB at once, until each has all',
    load: ['reconnect', { rooms: 20, clients: 10, 'document-bytes': 100_000 }],
    shows: ['p50_ms', 'p99_ms', 'server_cpu_ms_per_join'],
  },
  'slow-reader': {
    title: '1 room, 20 clients, 2 writers of 250 updates/s of 16 KB; 1 of the readers stops reading',
    load: ['slow-reader', { clients: 20, writers: 2, rate: 250, 'update-bytes': 16_000 }],
    shows: ['all_read_p99_ms', 'p99_ms', 'all_read_peak_growth_mib', 'server_peak_growth_mib', 'caught_up_after_ms'],
    // The floor never stops queueing, which is what this is about.
    only: KEEP_DOCUMENTS,
  },
}

/** How the cost grows over one size: the figures of each curve. */
export const growth = {
  clients: {
    title: '1 writer of 20 updates/s in a room of more and more readers',
    axis: 'readers',
    sizes: [1, 10, 100, 1000],
    load: (readers) => ['paced', { clients: readers + 1, writers: 1, rate: 20 }],
  },
  rooms: {
    title: 'more and more rooms of 5 clients, 1 of them typing 10 updates/s',
    axis: 'rooms',
    sizes: [10, 100, 1000],
    load: (rooms) => ['paced', { rooms, clients: 5, writers: 1, rate: 10 }],
  },
  document: {
    title: '1 writer of 20 updates/s and 9 readers of a larger and larger document',
    axis: 'document, KB',
    sizes: [10, 100, 1000, 10_000],
    load: (kb) => ['paced', { clients: 10, writers: 1, rate: 20, 'document-bytes': kb * 1000 }],
  },
}

/** The figures of each growth, with what they are called on the plots. */
export const growthFigures = {
  server_cpu_s_per_million: 'CPU µs per delivery',
  p50_ms: 'latency, p50 ms',
  p99_ms: 'latency, p99 ms',
}

/** What is not as it should be, if it is not 0. */
export const LOSSES = ['lost', 'missing_for_late_joiner', 'incomplete']
