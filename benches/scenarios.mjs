/** What is measured with the load generator: `load` is its scenario and options, `shows` the figures of the table. */

const THROUGHPUT = ['deliveries_per_s', 'p50_ms', 'p99_ms']
const COST = ['server_cpu_s_per_million', 'p50_ms', 'p99_ms']

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
  idle: {
    title: '1,000 idle connections in 100 rooms',
    load: ['idle', { rooms: 100, clients: 11 }],
    shows: ['kib_per_connection', 'connections'],
  },
  'idle-10000': {
    title: '10,000 idle connections in 100 rooms',
    load: ['idle', { rooms: 100, clients: 101 }],
    shows: ['kib_per_connection', 'server_rss_mib', 'connections'],
    // Each of our two processes needs as many sockets.
    only: ['floor', 'addon', 'engine'],
  },
  join: {
    title: '100 clients join a 1 MB document at once',
    load: ['join', { clients: 100, 'document-bytes': 1_000_000 }],
    shows: ['p50_ms', 'p99_ms', 'server_peak_growth_mib'],
  },
  reconnect: {
    title: '200 clients with something typed offline come back to 20 documents of 100 KB',
    load: ['reconnect', { rooms: 20, clients: 10, 'document-bytes': 100_000 }],
    shows: ['p50_ms', 'p99_ms'],
  },
  'slow-reader': {
    title: '1 room, 20 clients, 2 writers, 1 of the readers stops reading',
    load: ['slow-reader', { clients: 20, writers: 2, 'in-flight': 64 }],
    shows: ['p99_ms', 'server_peak_mib', 'caught_up_after_ms'],
    // The floor never stops queueing, which is what this is about.
    only: ['addon', 'engine', 'hocuspocus', 'y-websocket', 'y-sweet'],
  },
}

/** How the cost grows: one figure over one size. */
export const growth = {
  'clients-in-a-room': {
    title: 'Clients in one room, 2 of them typing 10 updates/s',
    axis: 'clients',
    figure: 'server_cpu_s_per_million',
    sizes: [10, 100, 1000],
    load: (clients) => ['paced', { clients, writers: 2, rate: 10 }],
  },
  rooms: {
    title: 'Rooms of 5 clients, 1 of them typing 10 updates/s',
    axis: 'rooms',
    figure: 'server_cpu_s_per_million',
    sizes: [10, 100, 1000],
    load: (rooms) => ['paced', { rooms, clients: 5, writers: 1, rate: 10 }],
  },
  'document-size': {
    title: 'Document size, 1 writer with 20 updates/s, 9 readers',
    axis: 'document, KB',
    figure: 'p50_ms',
    sizes: [10, 100, 1000, 10_000],
    load: (kb) => ['paced', { clients: 10, writers: 1, rate: 20, 'document-bytes': kb * 1000 }],
  },
}
