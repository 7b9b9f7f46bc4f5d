import { expect, it } from 'vitest'
import { fuzz } from './fuzz.ts'

const SEED = 20261128
/** Requests to each route. */
const EACH = 6
const MOST_SECONDS = 120

it(
  'answers mutated requests to every route in the shape of its service, without a defect, a hang or a death',
  async () => {
    const { findings, requests, routes } = await fuzz({ seed: SEED, each: EACH, seconds: MOST_SECONDS })

    expect(findings, `npm run fuzz -- --seed ${SEED}`).toEqual([])
    expect(routes).toBeGreaterThan(400)
    expect(requests).toBeGreaterThan(routes)
  },
  2 * MOST_SECONDS * 1000,
)
