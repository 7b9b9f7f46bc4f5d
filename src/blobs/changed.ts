import { Fault } from '../core/errors.ts'

/** The fault of a write or a read whose condition does not hold. */
export function changed(what: string): Fault {
  return new Fault('blob/changed', `${nameIn(what)} is not, or no longer, in the version that was asked for`, {
    hint: 'Nothing to do: whoever asked reads it again and starts from what is there.',
  })
}

function nameIn(url: string): string {
  if (!URL.canParse(url)) return url
  const { host, pathname } = new URL(url)
  return `${host}${decodeURI(pathname)}`
}
