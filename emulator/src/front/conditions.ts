import type { Clock } from '../clock.ts'
import { Faults } from '../faults.ts'
import { Limits } from '../limits/limits.ts'
import type { LimitSettings } from '../limits/table.ts'
import { Links } from '../network/links.ts'
import type { Settings as RegionSettings } from '../processes/region-process.ts'
import type { Database } from '../state/database.ts'
import { GLOBAL_PLACES, linkFaults, type OrderedFault, requestFaults, skewOf } from './control/ordered-faults.ts'

/** The weather of the emulator: faults and limits in force, how far its time is moved, what is written down. */
export class Conditions {
  /** Faults of the network. */
  readonly links = new Links()
  /** Faults of the front's own planes. */
  readonly faults = new Faults()
  /** Limits of ARM's front door. */
  readonly limits = new Limits()
  readonly #db: Database
  readonly #clock: Clock
  readonly #met = new Map<string, number>()
  #ordered: readonly OrderedFault[] = []
  #limits: LimitSettings = {}
  #everyCall = false
  #clockShift: number

  /** Takes the clock from the store, so that time does not jump back after a restart. Faults start empty. */
  constructor(db: Database, clock: Clock) {
    this.#db = db
    this.#clock = clock
    db.migrate('CREATE TABLE IF NOT EXISTS clock (one INTEGER PRIMARY KEY CHECK (one = 1), shift REAL NOT NULL)')
    this.#clockShift = db.get<{ shift: number }>('SELECT shift FROM clock')?.shift ?? 0
    clock.shift(this.#clockShift)
    clock.skew(0)
    this.faults.onMet((id, times) => this.count(id, times))
  }

  /** Writes down how many requests a counted fault has met. */
  count(id: string, times: number): void {
    this.#met.set(id, times)
  }

  /** How many requests each counted fault in force has met; one that met none is left out. */
  met(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#met)
  }

  ordered(): readonly OrderedFault[] {
    return this.#ordered
  }

  /** Replaces all faults, here. Regions are told by whoever knows their processes. */
  order(faults: readonly OrderedFault[]): void {
    this.#ordered = faults
    const ids = new Set(faults.map((fault) => ('id' in fault ? fault.id : undefined)))
    for (const id of this.#met.keys()) if (!ids.has(id)) this.#met.delete(id)
    this.links.set(linkFaults(faults))
    this.faults.set(GLOBAL_PLACES.flatMap((place) => requestFaults(faults, place)))
    this.#clock.skew(skewOf(faults, 'arm'))
  }

  limited(): LimitSettings {
    return this.#limits
  }

  /** Puts limits in force in place of all earlier ones, here. */
  limit(limits: LimitSettings): void {
    this.#limits = limits
    this.limits.set(limits)
  }

  everyCall(): boolean {
    return this.#everyCall
  }

  /** Writes every call down from now on, or acknowledged writes only. */
  recordEveryCall(on: boolean): void {
    this.#everyCall = on
  }

  clockShiftMilliseconds(): number {
    return this.#clockShift
  }

  async moveClock(shiftMilliseconds: number): Promise<void> {
    await this.#db.write(() =>
      this.#db.run('INSERT OR REPLACE INTO clock (one, shift) VALUES (1, ?)', shiftMilliseconds),
    )
    this.#clockShift = shiftMilliseconds
    this.#clock.shift(shiftMilliseconds)
  }

  /** What a region's process must know. */
  ofRegion(name: string): RegionSettings {
    return {
      faults: requestFaults(this.#ordered, name),
      linkFaults: linkFaults(this.#ordered),
      clockShiftMilliseconds: this.clockShiftMilliseconds(),
      clockSkewMilliseconds: skewOf(this.#ordered, name),
      limits: this.#limits,
      everyCall: this.#everyCall,
    }
  }
}
