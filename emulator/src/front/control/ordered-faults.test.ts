import { describe, expect, it } from 'vitest'
import { linkFaults, type OrderedFault, readFaults, requestFaults } from './ordered-faults.ts'

const REGIONS = ['east', 'west']

describe('readFaults', () => {
  it('takes a list or an object with one, and reads `all` as no plane', () => {
    const wanted: OrderedFault[] = [{ is: 'down', at: 'east' }]
    expect(readFaults([{ is: 'down', at: 'east', plane: 'all' }], REGIONS)).toEqual(wanted)
    expect(readFaults({ faults: wanted }, REGIONS)).toEqual(wanted)
  })

  it.each([
    [{ is: 'melt', at: 'east' }, 'must be one of down, hang, slow, throttle, reset,'],
    [{ is: 'down', at: 'mars' }, 'must be one of east, west, signin, arm'],
    [{ is: 'slow', at: 'east' }, '`milliseconds` is undefined'],
    [{ is: 'throttle', at: 'east', retryAfterSeconds: -1 }, '`retryAfterSeconds` is -1'],
    [{ is: 'cut', between: ['east'] }, '`between` must be a list of two names'],
    [{ is: 'cut', between: ['east', 'east'] }, '`between` is east twice'],
    [{ is: 'cut', between: ['east', 'west'], times: 1 }, '`times` is no field of `cut`'],
    [{ is: 'slow', at: 'east', milliseconds: 1, speed: 2 }, '`speed` is no field of `slow`; it takes milliseconds,'],
    [{ is: 'down', at: 'east', plane: 'files' }, '`plane` is "files" and must be one of arm, history,'],
    [{ is: 'down', at: 'east', times: 1.5 }, '`times` is 1.5 and must be a whole number from 1 to'],
    [{ is: 'down', at: 'east', seed: 4 }, '`seed` is given without `chance`'],
    [{ is: 'quota', at: 'east' }, '`family` is undefined and must be a text'],
    [{ is: 'quota', at: 'east', family: '*', route: 'a' }, '`quota` is a state of the whole place and cannot be'],
    [{ is: 'throttle', at: 'east', retryAfterAs: 'soon' }, 'must be one of seconds, date, absent'],
  ])('refuses %j with the reason', (fault, reason) => {
    expect(() => readFaults([fault], REGIONS)).toThrow(reason)
    expect(() => readFaults([{ is: 'down', at: 'east' }, fault], REGIONS)).toThrow(JSON.stringify(fault))
  })
})

it('fills in what a fault leaves out, and gives an id to what is counted', () => {
  const [read] = readFaults([{ is: 'throttle', at: 'east', times: 2 }], REGIONS)
  expect(read).toMatchObject({ retryAfterSeconds: 5, retryAfterAs: 'seconds', times: 2, id: expect.any(String) })
  expect(readFaults([read], REGIONS)).toEqual([read])
})

describe('faults are shared out', () => {
  const faults: OrderedFault[] = [
    { is: 'down', at: 'east' },
    { is: 'down', at: 'west', plane: 'mlflow' },
    { is: 'hang', at: 'signin', plane: 'signin' },
    { is: 'slow', at: 'signin', milliseconds: 5 },
    { is: 'cut', between: ['east', 'west'] },
    { is: 'down', at: 'west', client: 'laptop' },
  ]

  it('so that the network gets those of whole places', () => {
    expect(linkFaults(faults)).toEqual([
      { is: 'down', at: 'east' },
      { is: 'hang', at: 'signin' },
      { is: 'cut', between: ['east', 'west'] },
    ])
  })

  it('so that a process gets those of its planes', () => {
    expect(requestFaults(faults, 'east')).toEqual([])
    expect(requestFaults(faults, 'west')).toEqual([
      { is: 'down', plane: 'mlflow' },
      { is: 'down', client: 'laptop' },
    ])
    expect(requestFaults(faults, 'signin')).toEqual([{ is: 'slow', plane: 'signin', milliseconds: 5 }])
  })
})
