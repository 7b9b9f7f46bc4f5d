import { readFileSync } from 'node:fs'

/** A step of a guide as a reader takes it. */
export type Step =
  | { readonly does: 'save'; readonly name: string; readonly text: string }
  | { readonly does: 'run'; readonly lines: readonly string[]; readonly shown: readonly string[] }

const BLOCK = /^```(\w*)\n(.*?)^```$/gms

/**
 * The steps of a guide: what it says to save under the name that stands before it, what it says to run, and what
 * it shows of the answers. A block in no language belongs to the commands before it.
 */
export function stepsOf(path: string): readonly Step[] {
  const text = readFileSync(path, 'utf8')
  const steps: Step[] = []
  let end = 0
  for (const found of text.matchAll(BLOCK)) {
    const [whole, language = '', body = ''] = found
    const before = text.slice(end, found.index)
    end = found.index + whole.length
    const lines = body.trimEnd().split('\n')
    if (language === 'sh') steps.push({ does: 'run', lines, shown: [] })
    else if (language === '') steps.push({ ...lastRun(steps, path), shown: lines })
    else steps.push({ does: 'save', name: nameIn(before, path), text: body })
  }
  return steps
}

/** Takes the commands out again, to be put back with what they answer. */
function lastRun(steps: Step[], path: string): Step & { readonly does: 'run' } {
  const last = steps.pop()
  if (last?.does !== 'run') throw new Error(`${path} shows an answer that follows no command`)
  return last
}

function nameIn(words: string, path: string): string {
  const name = [...words.matchAll(/Save this as `([^`]+)`/g)].at(-1)?.[1]
  if (name === undefined) throw new Error(`${path} has a file without a name: ${words.trim().slice(-80)}`)
  return name
}

/** The shown lines that are not in the answer, in their order. `…` stands for anything. */
export function missing(shown: readonly string[], answer: string): readonly string[] {
  let rest = answer.split('\n')
  return shown.filter((line) => {
    if (line.trim() === '…' || line.trim() === '') return false
    const pattern = new RegExp(
      line
        .split('…')
        .map((part) => RegExp.escape(part).replaceAll(/(?:\\x20)+/g, '\\s+'))
        .join('.*'),
    )
    const at = rest.findIndex((one) => pattern.test(one))
    if (at >= 0) rest = rest.slice(at + 1)
    return at < 0
  })
}
