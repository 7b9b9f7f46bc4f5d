import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorld, type Pair, type World } from '../../test/support/world.ts'
import type { Arm } from '../azure/arm.ts'
import type { Address, Item, JsonObject } from '../core/model.ts'
import { item } from '../core/snapshot.ts'
import type { Service } from './service.ts'

/** What a kind gives to be tried: bodies are in portable form. */
export interface Fixture {
  service(arm: Arm): Service
  readonly address: Address
  /** An address of the kind at which nothing is. */
  readonly absent: Address
  readonly first: JsonObject
  /** The same thing, changed in what may change. */
  readonly second: JsonObject
  /** More of the kind, to be listed beside the first. */
  readonly more: readonly (readonly [Address, JsonObject])[]
  /** Makes what the items lean on, in each place. */
  readonly prepare?: (pair: Pair, arm: Arm) => Promise<void>
}

/** What every service over ARM must do, tried on the emulator. Returns the world, for what is odd about a kind. */
export function conforms(fixture: Fixture): { readonly world: () => World; readonly fresh: () => Promise<Fresh> } {
  const signal = AbortSignal.timeout(240_000)
  const { address, absent, first, second } = fixture
  let world: World | undefined

  beforeAll(async () => {
    world = await openWorld()
  })
  afterAll(() => world?.close())

  const opened = (): World => {
    if (world === undefined) throw new Error('the world is not open')
    return world
  }

  async function fresh(): Promise<Fresh> {
    const pair = await opened().pair()
    await fixture.prepare?.(pair, opened().arm)
    return { ...pair, service: fixture.service(opened().arm), signal }
  }

  const wanted = (body: JsonObject): Item => item(address, body)

  describe('conforms', () => {
    it('reads undefined where nothing is', async () => {
      const { service, source } = await fresh()
      expect(await service.read(source, absent, { signal })).toBeUndefined()
    })

    it('reads back what it converged to', async () => {
      const { service, source, target } = await fresh()
      const stands = await service.converge(target, wanted(first), { source, signal })
      expect(stands.body).toEqual(first)
      expect(stands.digest).toBe(wanted(first).digest)
      expect((await service.read(target, address, { signal }))?.digest).toBe(stands.digest)
    })

    it('carries from one side to the other: both are equal then, and nothing names a side', async () => {
      const { service, source, target } = await fresh()
      await service.converge(source, wanted(first), { source: target, signal })
      const there = await service.read(source, address, { signal })
      if (there === undefined) throw new Error(`${address} is not there`)
      const replica = await service.converge(target, there, { source, signal })
      expect(replica.body).toEqual(there.body)
      const text = JSON.stringify([there, replica])
      for (const { workspace, workspaceGuid, storageAccount } of [source, target]) {
        for (const name of [workspace, workspaceGuid, storageAccount]) expect(text).not.toContain(name)
      }
      expect(text).not.toContain('holdfast.')
    })

    it('writes nothing when nothing differs', async () => {
      const { service, source, target } = await fresh()
      await service.converge(target, wanted(first), { source, signal })
      const before = await opened().writes(target)
      await service.converge(target, wanted(first), { source, signal })
      expect(await opened().writes(target)).toEqual(before)
    })

    it('ends in the same place when two do it at once', async () => {
      const { service, source, target } = await fresh()
      const both = [1, 2].map(() => service.converge(target, wanted(first), { source, signal }))
      for (const stands of await Promise.all(both)) expect(stands.digest).toBe(wanted(first).digest)
    })

    it('changes in place what may change, and calls the rest frozen', async () => {
      const { service, source, target } = await fresh()
      await service.converge(target, wanted(first), { source, signal })
      const changed = await service.converge(target, wanted(second), { source, signal })
      expect(changed.body).toEqual(second)
      expect(service.frozen?.(first)).toEqual(service.frozen?.(second))
    })

    it('lists everything, each once, as it reads it', async () => {
      const { service, source, target } = await fresh()
      const all = [[address, first] as const, ...fixture.more]
      for (const [of, body] of all) await service.converge(target, item(of, body), { source, signal })
      const listed = new Map<Address, Item>()
      for await (const one of service.list(target, { signal })) {
        expect(listed.has(one.address)).toBe(false)
        listed.set(one.address, one)
      }
      for (const [of] of all) {
        expect(listed.get(of)?.digest).toBe((await service.read(target, of, { signal }))?.digest)
      }
    })

    it('does not end a list early where its region is gone', async () => {
      const { service, source } = await fresh()
      await opened().emulator.faults([{ is: 'down', at: source.location }])
      try {
        const listing = async () => {
          for await (const _ of service.list(source, { signal }));
        }
        await expect(listing()).rejects.toEqual(
          expect.objectContaining({ code: expect.stringMatching(/^observe\/incomplete$|^azure\/unreachable$/) }),
        )
      } finally {
        await opened().emulator.faults([])
      }
    })

    it('removes twice without complaint, where it removes', async () => {
      const { service, source, target } = await fresh()
      if (!service.can.remove) return
      await service.converge(target, wanted(first), { source, signal })
      await service.remove(target, address, { signal })
      await service.remove(target, address, { signal })
      expect(await service.read(target, address, { signal })).toBeUndefined()
    })

    it('parks and archives to a body that stays what it is', async () => {
      const { service, source, target } = await fresh()
      const forms = [
        ...(['hot/hot', 'hot/warm', 'hot/cold'] as const).map(
          (mode) => (body: JsonObject) => service.parked?.(body, mode),
        ),
        (body: JsonObject) => service.archived?.(body),
      ]
      for (const form of forms) {
        const once = form(first)
        if (once === undefined) continue
        expect(form(once)).toEqual(once)
        expect((await service.converge(target, wanted(once), { source, signal })).body).toEqual(once)
      }
      const listed: Address[] = []
      for await (const one of service.list(target, { signal })) listed.push(one.address)
      if (service.archived !== undefined) expect(listed).toContain(address)
    })
  })

  return { world: opened, fresh }
}

export interface Fresh extends Pair {
  readonly service: Service
  readonly signal: AbortSignal
}
