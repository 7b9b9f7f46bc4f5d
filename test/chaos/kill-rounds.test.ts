import { expect, it } from 'vitest'
import { playKillRounds } from './kill-rounds.ts'

const ROUNDS = 50
const SEED = 20261128
const PATIENCE_MILLISECONDS = 900_000

it(
  'loses nothing that was acknowledged in 50 rounds of kill -9 under a load of all planes',
  async () => {
    const rounds = await playKillRounds({ rounds: ROUNDS, seed: SEED })

    const wrong = rounds.flatMap((round) => round.wrong.map((what) => `round ${round.number}: ${what}`))
    expect(wrong, `npm run chaos -- --seed ${SEED}`).toEqual([])
    expect(rounds.length).toBe(ROUNDS)
    // A load that writes nothing would lose nothing.
    expect(rounds.at(-1)?.acknowledged).toBeGreaterThan(ROUNDS * 8)
  },
  PATIENCE_MILLISECONDS,
)
