/**
 * Metrics of what each tenant uses of a process, sent by the middleware as OTLP and added up by the store. All of them
 * are monotonic sums with delta temporality and carry the tenant as an attribute of the data point. Other units or
 * cumulative sums are kept as data points, but cannot be added up. The process's own CPU time
 * (`tenantry.process.cpu.time`, without a tenant) is kept as points alone: added up as well, it would be charged twice.
 */
export const RESOURCE_METRICS = {
  /** CPU time that a sampling profiler charged to the tenant. */
  cpuTime: { name: 'tenantry.cpu.time', unit: 's' },
  /** Samples that the CPU time was worked out from: its relative standard error is 1 / sqrt(samples). */
  cpuSamples: { name: 'tenantry.cpu.samples', unit: '{sample}' },
  /** Time during which the tenant's callbacks kept the event loop busy. */
  eventLoopTime: { name: 'tenantry.event_loop.time', unit: 's' },
  /** Bytes over the network, told apart by NETWORK_DIRECTION_ATTRIBUTE. */
  networkIo: { name: 'tenantry.network.io', unit: 'By' },
  memoryAllocated: { name: 'tenantry.memory.allocated', unit: 'By' },
} as const;

export const NETWORK_DIRECTION_ATTRIBUTE = 'network.io.direction';
export const NETWORK_DIRECTIONS = { receive: 'receive', transmit: 'transmit' } as const;
