import { parentPort, workerData } from 'node:worker_threads'
import { type Damaging, outcomesOf } from './damaged-store.ts'

// Opens a store for each place that is damaged, beside others that do the same with other places.
parentPort?.postMessage(await outcomesOf(workerData as Damaging))
