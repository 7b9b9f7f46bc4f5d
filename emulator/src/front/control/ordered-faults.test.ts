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
    [{ is: 'melt', at: 'east' }, 'must be one of down, hang, slow, throttle, cut'],
    [{ is: 'down', at: 'mars' }, 'must be one of east, west, signin, arm'],
    [{ is: 'slow', at: 'east' }, '`milliseconds` is undefined'],
    [{ is: 'throttle', at: 'east', retryAfterSeconds: -1 }, '`retryAfterSeconds` is -1'],
    [{ is: 'cut', between: ['east'] }, '`between` must be a list of two names'],
  ])('refuses %j with the reason', (fault, reason) => {
    expect(() => readFaults([fault], REGIONS)).toThrow(reason)
  })
})

describe('faults are shared out', () => {
  const faults: OrderedFault[] = [
    { is: 'down', at: 'east' },
    { is: 'down', at: 'west', plane: 'mlflow' },
    { is: 'hang', at: 'signin', plane: 'signin' },
    { is: 'slow', at: 'signin', milliseconds: 5 },
    { is: 'cut', between: ['east', 'west'] },
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
    expect(requestFaults(faults, 'west')).toEqual([{ is: 'down', plane: 'mlflow' }])
    expect(requestFaults(faults, 'signin')).toEqual([{ is: 'slow', plane: 'signin', milliseconds: 5 }])
  })
})
