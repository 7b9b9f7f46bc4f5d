import { Refusal } from './refusal.ts'

/** A part of a path with its escapes undone, or a 400 where they are none. */
export function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Refusal(400, 'InvalidRequestUri', `The path holds an escape that is none: '${text}'.`)
  }
}
