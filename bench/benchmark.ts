import { Command, InvalidArgumentError } from 'commander'

/** The command line of a benchmark: `--help` shows its options, and what is none ends it with a line and 2. */
export function benchmark(script: string, about: string): Command {
  return new Command(`npm run ${script} --`)
    .description(`${about} What the numbers mean is in bench/readme.md.`)
    .showHelpAfterError('`--help` shows the options.')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
}

/** Reads an option that is some of these names, by commas. */
export function namesOf(known: readonly string[]): (text: string) => readonly string[] {
  return (text) => {
    const names = text.split(',').map((name) => name.trim())
    if (names.every((name) => known.includes(name))) return names
    throw new InvalidArgumentError(`Give some of ${known.join(', ')}, by commas.`)
  }
}

/** Reads an option that is whole numbers by commas, each at least so much. */
export function numbersFrom(least: number): (text: string) => readonly number[] {
  return (text) => {
    const numbers = text.split(',').map((one) => one.trim())
    if (numbers.every((one) => /^\d{1,9}$/.test(one) && Number(one) >= least)) return numbers.map(Number)
    throw new InvalidArgumentError(`Give whole numbers from ${least} on, by commas.`)
  }
}
