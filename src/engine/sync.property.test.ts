import fc from 'fast-check'
import { expect, it } from 'vitest'
import { body } from '../../test/support/made-up-kinds.ts'
import { PROTECTION, passing, World } from '../../test/support/made-up-world.ts'
import { digestOf } from '../core/canonical.ts'
import { Fault } from '../core/errors.ts'
import type { Address, JsonObject } from '../core/model.ts'
import { isRefused, NO_REPLICA } from './reckon.ts'

/** A few addresses of every made-up kind, with the bodies that may stand there. What is frozen follows from the address. */
const THINGS: Readonly<Record<Address, (value: number) => JsonObject>> = {
  'datum/a': body.datum,
  'datum/b': body.datum,
  'blob/a': body.datum,
  'asset/a/1': (value) => ({ ...body.asset(1), tag: value }),
  'asset/a/2': (value) => ({ ...body.asset(2), tag: value }),
  'schedule/a': body.schedule,
  'job/a': (value) => body.job(value === 1 ? 'Running' : 'Completed'),
  'trail/a': (value) => body.trail(value < 3, ...Array.from({ length: value }, (_, line) => `line ${line}`)),
}
const ADDRESSES = Object.keys(THINGS) as readonly Address[]
const KINDS = ['datum', 'blob', 'asset', 'schedule', 'job', 'trail'] as const

type Happening =
  | { readonly is: 'put'; readonly address: Address; readonly value: number }
  | { readonly is: 'drop'; readonly address: Address }
  | { readonly is: 'pass' }
  | { readonly is: 'cut pass'; readonly at: number }
  | { readonly is: 'pass that reads in part'; readonly side: 'primary' | 'secondary'; readonly kind: string }
  | { readonly is: 'pass that cannot carry'; readonly address: Address }

const anyAddress = fc.constantFrom(...ADDRESSES)
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      is: fc.constant('put' as const),
      address: anyAddress,
      value: fc.integer({ min: 1, max: 3 }),
    }),
  },
  fc.record({ is: fc.constant('drop' as const), address: anyAddress }),
  fc.record({ is: fc.constant('pass' as const) }),
  fc.record({ is: fc.constant('cut pass' as const), at: fc.integer({ min: 1, max: 40 }) }),
  fc.record({
    is: fc.constant('pass that reads in part' as const),
    side: fc.constantFrom('primary' as const, 'secondary' as const),
    kind: fc.constantFrom(...KINDS),
  }),
  fc.record({ is: fc.constant('pass that cannot carry' as const), address: anyAddress }),
)

async function happen(world: World, one: Happening): Promise<void> {
  const { primary } = world.sides
  if (one.is === 'put') primary.put(one.address, THINGS[one.address]?.(one.value) ?? {})
  else if (one.is === 'drop') primary.drop(one.address)
  else if (one.is === 'pass') await world.run('a', passing())
  else if (one.is === 'cut pass') await world.run('a', passing(), one.at)
  else if (one.is === 'pass that reads in part') {
    world.sides[one.side].broken.add(one.kind)
    await world.run('a', passing())
    world.sides[one.side].broken.clear()
  } else {
    world.befall = ({ act, of }) => {
      if (act === 'converge' && of === one.address) throw new Fault('azure/refused', 'it is refused')
    }
    await world.run('a', passing())
    world.befall = () => undefined
  }
}

/** What the ledger says that is not so. */
async function untruths(world: World): Promise<readonly string[]> {
  const { primary, secondary } = world.sides
  const wrong: string[] = []
  for (const entry of world.ledger.entries(PROTECTION)) {
    const { address, recoveryPoint, sourceDigest, replicaDigest, kept } = entry
    if (address.endsWith('/') || replicaDigest === NO_REPLICA) continue
    const then = primary.at(address, recoveryPoint)
    if (then === undefined || digestOf(then) !== sourceDigest) wrong.push(`${address} was not so at ${recoveryPoint}`)
    if (kept !== undefined && then !== undefined && digestOf(kept) !== digestOf(then))
      wrong.push(`${address} is kept as it never was`)
  }
  const point = Number((await world.store.fact(PROTECTION, 'synced'))?.['recoveryPoint'] ?? 0)
  for (const address of point === 0 ? [] : ADDRESSES) {
    if (!primary.stoodSince(address, point)) continue
    const known = world.ledger.get(PROTECTION, address)
    // What cannot be carried is named in place of being there.
    if (known !== undefined && isRefused(known)) continue
    if (!address.startsWith('job/') && secondary.get(address) === undefined)
      wrong.push(`${address} is not there, of ${point}`)
    if (known === undefined || known.recoveryPoint < point) wrong.push(`${address} is older than ${point}`)
  }
  return wrong
}

it('guards I4: whatever happens, the ledger speaks the truth, and one undisturbed pass brings the standby in step', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 3, maxLength: 14 }), async (happenings) => {
      const world = new World('memory')
      try {
        for (const one of happenings) {
          await happen(world, one)
          expect(await untruths(world), `after ${JSON.stringify(one)}`).toEqual([])
        }
        const last = await world.run('a', passing())
        expect(world.lacking('primary')).toEqual([])
        expect(last?.reckoned).toMatchObject({ behind: [], recoveryPoint: last?.source.startedAt })
        expect(await untruths(world)).toEqual([])
        const effects = world.effects.length
        await world.run('a', passing())
        expect(world.effects.length).toBe(effects)
      } finally {
        await world.close()
      }
    }),
    { numRuns: 150 },
  )
})
