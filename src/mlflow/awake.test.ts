import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { awake, awakeRun } from './awake.ts'
import type { TrackedExperiment, TrackedRun, Tracking } from './tracking.ts'

const signal = AbortSignal.timeout(10_000)

/** An experiment and a run that are deleted or not, and what was done to them. */
function place(deleted: boolean) {
  const done: string[] = []
  let isDeleted = deleted
  const set = async (_id: string, wanted: boolean) => {
    await sleep(2)
    if (isDeleted === wanted) throw new Error(`it is ${wanted ? 'deleted' : 'restored'} already`)
    isDeleted = wanted
    done.push(wanted ? 'delete' : 'restore')
  }
  const tracking = {
    experiment: async () => ({ deleted: isDeleted }) as TrackedExperiment,
    run: async () => ({ info: { lifecycle_stage: isDeleted ? 'deleted' : 'active' } }) as unknown as TrackedRun,
    setExperimentDeleted: set,
    setRunDeleted: set,
  } as unknown as Tracking
  const work = async (name: string, milliseconds: number) => {
    await sleep(milliseconds)
    if (isDeleted) throw new Error(`${name} came to what is deleted`)
    done.push(name)
    await sleep(milliseconds)
    if (isDeleted) throw new Error(`${name} was left with what is deleted`)
  }
  return { tracking, done, work, isDeleted: () => isDeleted }
}

it('restores once for all who work at once, and deletes after the last', async () => {
  const { tracking, done, work, isDeleted } = place(true)
  const works = [1, 9, 4].map((milliseconds) =>
    awake(tracking, 'e', signal, () => work(`w${milliseconds}`, milliseconds)),
  )
  await works[0]
  expect(isDeleted()).toBe(true)
  await Promise.all(works)
  expect(done).toEqual(['restore', 'w1', 'w4', 'w9', 'delete'])
})

it('lets who comes while it is being deleted wait, and restores it again', async () => {
  const { tracking, done, work, isDeleted } = place(true)
  await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      await sleep(n)
      await awakeRun(tracking, 'r', signal, () => work('w', 1))
    }),
  )
  expect(isDeleted()).toBe(true)
  expect(done.filter((one) => one === 'w')).toHaveLength(20)
  expect(done.filter((one) => one === 'restore')).toHaveLength(done.filter((one) => one === 'delete').length)
})

it('leaves alone what is not deleted, and says which it was', async () => {
  const { tracking, done } = place(false)
  expect(await awake(tracking, 'e', signal, async (wasDeleted) => wasDeleted)).toBe(false)
  expect(await awake(place(true).tracking, 'e', signal, async (wasDeleted) => wasDeleted)).toBe(true)
  expect(done).toEqual([])
})

it('deletes again after a work that failed, and tells of the failure', async () => {
  const { tracking, isDeleted } = place(true)
  const failing = awake(tracking, 'e', signal, () => Promise.reject(new Error('no')))
  await expect(failing).rejects.toThrow('no')
  expect(isDeleted()).toBe(true)
  await awake(tracking, 'e', signal, async () => expect(isDeleted()).toBe(false))
})

it('holds nobody up after what could not be asked', async () => {
  const { tracking } = place(true)
  const deaf = { ...tracking, experiment: () => Promise.reject(new Error('no answer')) }
  await expect(awake(deaf, 'e', signal, async () => undefined)).rejects.toThrow('no answer')
  deaf.experiment = async () => ({ deleted: true }) as never
  expect(await awake(deaf, 'e', signal, async () => 'done')).toBe('done')
})
