import { beforeEach, expect, it } from 'vitest'
import { fuse } from '../../test/support/fuse.ts'
import { type Process, type World, worldOfTest } from '../../test/support/made-up-world.ts'
import type { Notice } from '../core/notice.ts'
import { type NoticeTarget, notifying } from './notify.ts'

let world: World
let now = 0
let wall = 0
beforeEach(() => {
  wall = 0
  world = worldOfTest('memory')
  now = 0
})

/** A receiver that remembers, and refuses while it is told to. */
function receiver(key: string) {
  const heard: Notice[] = []
  const it = { heard, refuses: false, attempts: 0 }
  const target: NoticeTarget = {
    key,
    name: key,
    send: async (notice) => {
      it.attempts++
      if (it.refuses) throw new Error('it refuses')
      heard.push(notice)
    },
  }
  return Object.assign(it, { target })
}

function teller({ parts }: Process, ...targets: readonly NoticeTarget[]) {
  const failures: string[] = []
  const failed = (target: string, why: string) => failures.push(`${target}: ${why}`)
  // The made-up world's clock stands at the year 1970: nothing in it is old.
  return { ...notifying({ parts: { ...parts, now: () => wall }, targets, clock: () => now, failed }), failures }
}

const said = (process: Process, by: string) =>
  process.tenure.append('words', { type: 'pause/begun', body: { by, why: '', since: 1 } })
const who = (notices: readonly Notice[]) => notices.map(({ sentence }) => sentence.split(' ')[0])

it('tells each target what is news, once, in order, from when it is named on', async () => {
  const [one, two] = [receiver('one'), receiver('two')]
  const process = await world.start('a')
  await said(process, 'before')
  const first = teller(process, one.target)
  await first.flush(process.tenure)
  await said(process, 'ada')
  await process.tenure.append('r', { type: 'step/done', body: { address: 'model/a/1' } })
  await said(process, 'bob')
  await first.flush(process.tenure)
  await first.flush(process.tenure)
  const second = teller(process, one.target, two.target)
  await second.flush(process.tenure)
  await said(process, 'eve')
  await second.flush(process.tenure)
  expect(who(one.heard)).toEqual(['ada', 'bob', 'eve'])
  expect(who(two.heard)).toEqual(['eve'])
  expect(new Set(one.heard.map(({ id }) => id)).size).toBe(3)
  expect(one.heard.at(-1)?.id).toBe(two.heard.at(-1)?.id)
})

it('waits longer after each refusal, holds up nobody else, and loses nothing', async () => {
  const [one, two] = [receiver('one'), receiver('two')]
  const process = await world.start('a')
  const told = teller(process, one.target, two.target)
  await told.flush(process.tenure)
  one.refuses = true
  await said(process, 'ada')
  await told.flush(process.tenure)
  await told.flush(process.tenure)
  expect([who(two.heard), one.attempts, told.pending()]).toEqual([['ada'], 1, 1])
  now += 1000
  await told.flush(process.tenure)
  now += 1000
  await told.flush(process.tenure)
  expect(one.attempts).toBe(2)
  expect(told.failures).toEqual(['one: it refuses', 'one: it refuses'])
  one.refuses = false
  await said(process, 'bob')
  now += 1000
  await told.flush(process.tenure)
  expect([who(one.heard), told.pending()]).toEqual([['ada', 'bob'], 0])
})

it('does not tell any more what a target has not taken for a day', async () => {
  const one = receiver('one')
  const process = await world.start('a')
  const told = teller(process, one.target)
  await told.flush(process.tenure)
  one.refuses = true
  await said(process, 'ada')
  await told.flush(process.tenure)
  one.refuses = false
  now += 300_000
  wall = Date.now() + 86_500_000
  await told.flush(process.tenure)
  expect([who(one.heard), told.pending()]).toEqual([[], 0])
})

it('guards I3: goes on by another after a crash, and sends again under the same id what may have arrived', async () => {
  const one = receiver('one')
  const setting = await world.start('a')
  await teller(setting, one.target).flush(setting.tenure)
  await said(setting, 'ada')
  await said(setting, 'bob')
  await setting.tenure.end()
  world.leasesRunOut()
  const cord = fuse()
  cord.blowAt((what) => what.startsWith('before setting notified-one'))
  const first = await world.start('b', cord)
  void teller(first, one.target).flush(first.tenure)
  await cord.blown
  world.leasesRunOut()
  const second = await world.start('c')
  await teller(second, one.target).flush(second.tenure)
  expect(who(one.heard)).toEqual(['ada', 'ada', 'bob'])
  expect(new Set(one.heard.map(({ id }) => id)).size).toBe(2)
})

it('says nothing of its own where the lease is given back meanwhile, and goes on under the next', async () => {
  const one = receiver('one')
  const first = await world.start('a')
  const told = teller(first, one.target)
  await told.flush(first.tenure)
  await said(first, 'ada')
  const sent = told.flush(first.tenure)
  await first.tenure.end()
  await sent
  expect(told.failures).toEqual([])
  const second = await world.start('a')
  await said(second, 'bob')
  await told.flush(second.tenure)
  expect(who(one.heard)).toEqual(['ada', 'bob'])
  expect(told.failures).toEqual([])
})

it('tells nothing again that another has told while it held the lease', async () => {
  const one = receiver('one')
  const first = await world.start('a')
  const told = teller(first, one.target)
  await told.flush(first.tenure)
  await first.tenure.end()
  const other = await world.start('b')
  await said(other, 'ada')
  await teller(other, one.target).flush(other.tenure)
  await other.tenure.end()
  const again = await world.start('a')
  await said(again, 'bob')
  await told.flush(again.tenure)
  expect(who(one.heard)).toEqual(['ada', 'bob'])
})
