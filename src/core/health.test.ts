import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Health, type Plane, type Probe, unwatched, type Watch, type WatchRules, watch } from './health.ts'
import type { Side } from './model.ts'

const PLANES: readonly Plane[] = ['signin', 'control', 'history', 'data']
const rules: WatchRules = {
  points: ['a', 'b', 'c'].map((name) => ({ name, url: `http://${name}`, host: name })),
  demo: false,
  after: 90_000,
  planes: PLANES,
}

/** What a point sees, plane by plane. `all` stands for those not named. */
type Sight = Partial<Record<Plane | 'all', Probe['result']>> & { readonly selfCheck?: boolean }

function probesOf(point: string, side: Side, sight: Sight, startedAt: number): Probe[] {
  return rules.planes.concat('scoring').map((plane) => ({
    point,
    side,
    plane,
    result: sight[plane] ?? sight.all ?? 'ok',
    startedAt,
    duration: 100,
    selfCheck: sight.selfCheck ?? true,
  }))
}

/** Watches the primary every five seconds; `story` says what each of a, b, c sees at a second. */
function told(seconds: number, story: (second: number) => readonly Sight[], by = rules): Health[] {
  const past: Health[] = []
  let now: Watch = unwatched(0)
  for (let second = 0; second <= seconds; second += 5) {
    const tick = second * 1000
    const probes = story(second).flatMap((sight, index) =>
      probesOf(['a', 'b', 'c'][index] ?? 'x', 'primary', sight, tick),
    )
    now = watch(now, probes, { now: tick + 200, rules: by })
    past.push(now.health.primary)
  }
  return past
}

function last(past: readonly Health[]): Health {
  return past.at(-1) ?? unwatched(0).health.primary
}

const down: Sight = { all: 'failed' }
const up: Sight = {}
const cutOff: Sight = { all: 'failed', selfCheck: false }
const notRun: Sight = { all: 'not-run' }

describe('a side', () => {
  it('is unknown before anyone looked', () => {
    expect(unwatched(0).health.primary.status).toBe('unknown')
  })

  it('is healthy when a majority sees every plane answer', () => {
    expect(last(told(5, () => [up, up, down])).status).toBe('healthy')
  })

  it('is lost when a majority saw everything down for as long as the policy says, and not before', () => {
    const past = told(120, (second) => (second < 10 ? [up, up, up] : [down, down, up]))
    expect(past[(10 + 85) / 5]?.status).toBe('degraded')
    expect(past[(10 + 90) / 5]?.status).toBe('lost')
    expect(last(past).reason).toBe(
      'Nothing of the primary has answered for 1m50s: signin is down for 2 of 3 (a, b); control is down for 2 of 3 (a, b); history is down for 2 of 3 (a, b); data is down for 2 of 3 (a, b)',
    )
  })

  it('starts the count again when anything answered in between', () => {
    const past = told(150, (second) =>
      second === 60 ? [{ all: 'failed', data: 'ok' }, { all: 'failed', data: 'ok' }, down] : [down, down, down],
    )
    expect(past[95 / 5]?.status).toBe('degraded')
    expect(past[145 / 5]?.status).toBe('degraded')
    expect(past[150 / 5]?.status).toBe('degraded')
  })

  // Guards: a controller that stood still has seen nothing meanwhile.
  it('starts the count again after a time in which nobody watched, of a loss and of being well', () => {
    const watched = (seconds: readonly number[], sight: (second: number) => Sight) => {
      let now: Watch = unwatched(0)
      for (const second of seconds) {
        const probes = ['a', 'b', 'c'].flatMap((point) => probesOf(point, 'primary', sight(second), second * 1000))
        now = watch(now, probes, { now: second * 1000 + 200, rules })
      }
      return now.health.primary.status
    }
    const every5 = (from: number, to: number) =>
      Array.from({ length: (to - from) / 5 + 1 }, (_, index) => from + index * 5)
    expect(watched([0, ...every5(120, 205)], () => down)).toBe('degraded')
    expect(watched([0, ...every5(120, 210)], () => down)).toBe('lost')
    expect(watched([0, ...every5(30, 90)], () => down)).toBe('lost')
    const back = (second: number) => (second <= 90 ? down : up)
    expect(watched([...every5(0, 95), ...every5(215, 300)], back)).toBe('degraded')
    expect(watched([...every5(0, 95), ...every5(215, 305)], back)).toBe('healthy')
  })

  // Guards F4: being cut off oneself is not an outage of the region.
  it('is not lost for points that do not pass their own check', () => {
    expect(last(told(200, () => [cutOff, cutOff, cutOff])).status).toBe('unknown')
    expect(last(told(200, () => [down, cutOff, cutOff])).status).toBe('unknown')
  })

  it('is not lost for probes that could not run, or that came long ago', () => {
    expect(last(told(200, () => [notRun, notRun, down])).status).toBe('unknown')
    expect(last(told(200, (second) => (second < 20 ? [down, down, down] : []))).status).toBe('unknown')
  })

  it('needs a majority of the configured points, not of those that answer', () => {
    expect(last(told(200, () => [down])).status).toBe('unknown')
    expect(last(told(200, () => [down, down])).status).toBe('lost')
  })

  // Guards F5: seen from one place only, it is in doubt.
  it('is in doubt where one sees it and another does not', () => {
    const health = last(told(200, () => [down, up, notRun]))
    expect(health.status).toBe('degraded')
    expect(health.planes.map((plane) => plane.verdict)).toEqual(['mixed', 'mixed', 'mixed', 'mixed'])
  })

  // Guards F7: the control plane alone is not the region.
  it('is degraded, never lost, while one of its planes answers', () => {
    const sight: Sight = { control: 'failed', history: 'failed' }
    expect(last(told(600, () => [sight, sight, sight])).status).toBe('degraded')
  })

  it('is not kept alive by signing in, which is not of the region', () => {
    const sight: Sight = { all: 'failed', signin: 'ok' }
    expect(last(told(120, () => [sight, sight, sight])).status).toBe('lost')
  })

  it('counts several points on one host as one, unless it is a demo', () => {
    const oneHost = {
      ...rules,
      points: rules.points.map((point) => ({ ...point, host: point.name === 'c' ? 'h2' : 'h1' })),
    }
    const story = () => [down, down, up]
    expect(last(told(200, story, oneHost)).status).toBe('degraded')
    expect(last(told(200, story, { ...oneHost, demo: true })).status).toBe('lost')
  })

  it('that was lost is believed to be back only after it has been well for as long', () => {
    const past = told(300, (second) => (second <= 100 ? [down, down, down] : [up, up, up]))
    expect(past[100 / 5]?.status).toBe('lost')
    expect(past[105 / 5]?.status).toBe('degraded')
    expect(past[190 / 5]?.status).toBe('degraded')
    expect(past[195 / 5]?.status).toBe('healthy')
  })

  // Guards F6: a region that comes and goes is held down.
  it('that comes and goes is held down, and is not called healthy in between', () => {
    const past = told(400, (second) => (Math.floor(second / 20) % 2 === 0 ? [up, up, up] : [down, down, down]))
    const late = past.slice(200 / 5)
    expect(late.every((health) => health.status === 'degraded')).toBe(true)
    expect(last(past).flapping).toBe(true)
  })

  it('remembers when it last answered, by its own clock where that is known', () => {
    const probe: Probe = { ...(probesOf('a', 'primary', up, 5000)[2] as Probe), sourceTime: 1_000_000 }
    const seen = watch(unwatched(0), [probe], { now: 5200, rules })
    const later = watch(seen, probesOf('a', 'primary', { all: 'failed', signin: 'ok' }, 10_000), { now: 10_200, rules })
    expect(later.health.primary.lastAnswered).toEqual({ at: 5000, sourceTime: 1_000_000 })
  })

  it('is not judged by scoring where no endpoint is probed, and by it where one is', () => {
    const sight: Sight = { scoring: 'failed' }
    expect(last(told(5, () => [sight, sight, sight])).status).toBe('healthy')
    const probed = { ...rules, planes: [...PLANES, 'scoring' as const] }
    expect(last(told(5, () => [sight, sight, sight], probed)).status).toBe('degraded')
  })

  it('is never lost without a majority of failures for the whole of the time', () => {
    const anySight: fc.Arbitrary<Sight> = fc.constantFrom(up, down, cutOff, notRun, { control: 'failed' })
    const anyStory = fc.array(fc.tuple(anySight, anySight, anySight), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(anyStory, (story) => {
        const past = told((story.length - 1) * 5, (second) => story[second / 5] ?? [])
        for (const [index, health] of past.entries()) {
          if (health.status !== 'lost') continue
          for (const sights of story.slice(index - 90 / 5, index + 1)) {
            expect(sights.filter((sight) => sight === down).length).toBeGreaterThan(1)
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})
