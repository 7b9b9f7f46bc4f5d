import { expect, it } from 'vitest'
import { Turns } from './turns.ts'

it('lets like go on together, and the other alone, in the order in which they came', async () => {
  const turns = new Turns()
  const told: string[] = []
  const ends = new Map<string, () => void>()
  const work = (name: string) => () => {
    told.push(`+${name}`)
    return new Promise<void>((resolve) => ends.set(name, resolve)).then(() => void told.push(`-${name}`))
  }
  const end = async (name: string) => {
    ends.get(name)?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const all = [turns.together(work('a')), turns.together(work('b'))]
  await end('none')
  all.push(turns.alone(work('A')), turns.together(work('c')), turns.alone(work('B')))
  for (const name of ['a', 'b', 'A', 'B', 'c']) await end(name)
  await Promise.all(all)
  expect(told).toEqual(['+a', '+b', '-a', '-b', '+A', '-A', '+B', '-B', '+c', '-c'])
})

it('goes on after work that failed', async () => {
  const turns = new Turns()
  const failing = () => Promise.reject(new Error('no'))
  await expect(turns.alone(failing)).rejects.toThrow('no')
  await expect(turns.together(failing)).rejects.toThrow('no')
  expect(await turns.alone(async () => 1)).toBe(1)
})
