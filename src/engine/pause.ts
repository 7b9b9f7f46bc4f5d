import { type Pause, pauseAt } from '../core/persons/pause.ts'
import type { Parts } from './parts.ts'

/** The pause that is in force now, as the journal has it, so that every controller sees the same. */
export async function pauseNow({ store, protection, now }: Parts): Promise<Pause | undefined> {
  const records = []
  for await (const record of store.read(protection, { typed: 'pause/' })) records.push(record)
  return pauseAt(records, now())
}
