import { describe, expect, it } from 'vitest'
import { turns } from './turns.ts'

describe('turns', () => {
  it('lets works of one name come one after the other, in the order of their asking', async () => {
    const inTurn = turns()
    const seen: string[] = []
    const work = (name: string, ticks: number) => async () => {
      seen.push(`${name} begins`)
      for (let n = 0; n < ticks; n++) await Promise.resolve()
      seen.push(`${name} ends`)
    }
    await Promise.all([inTurn('a', work('first', 5)), inTurn('a', work('second', 0))])
    expect(seen).toEqual(['first begins', 'first ends', 'second begins', 'second ends'])
  })

  it('lets works of different names go on side by side', async () => {
    const inTurn = turns()
    let release: () => void = () => undefined
    const held = inTurn('a', () => new Promise<void>((resolve) => (release = resolve)))
    await inTurn('b', async () => undefined)
    release()
    await held
  })

  it('gives a failure to its own caller alone', async () => {
    const inTurn = turns()
    const failing = inTurn('a', () => Promise.reject(new Error('no')))
    const next = inTurn('a', async () => 'done')
    await expect(failing).rejects.toThrow('no')
    expect(await next).toBe('done')
  })
})
