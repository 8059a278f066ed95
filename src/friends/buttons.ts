import { postButton } from '../html/forms.ts'
import { type Html, html } from '../html/html.ts'
import { withNext } from '../html/pages.ts'
import type { UserRow } from '../users/user-view.ts'

interface Button {
  path: 'request' | 'remove' | 'block' | 'unblock'
  text: string
  style?: 'danger' | 'quiet'
  /** With the name of the member, for those who hear the button without its row. */
  label: (name: string) => string
}

/** What a member can do about another. */
const BUTTONS = {
  ask: { path: 'request', text: 'Ask to be friends', label: (name) => `Ask to be friends with ${name}` },
  accept: { path: 'request', text: 'Accept', label: (name) => `Accept the request of ${name}` },
  decline: {
    path: 'remove',
    text: 'Decline',
    style: 'quiet',
    label: (name) => `Decline the request of ${name}`,
  },
  cancel: {
    path: 'remove',
    text: 'Cancel request',
    style: 'quiet',
    label: (name) => `Cancel request to ${name}`,
  },
  unfriend: { path: 'remove', text: 'Unfriend', style: 'quiet', label: (name) => `Unfriend ${name}` },
  block: { path: 'block', text: 'Block', style: 'danger', label: (name) => `Block ${name}` },
  unblock: { path: 'unblock', text: 'Unblock', style: 'quiet', label: (name) => `Unblock ${name}` },
} satisfies Record<string, Button>

export type ButtonName = keyof typeof BUTTONS

/** Buttons about a member; `next` is the page to come back to. */
export function buttons(names: readonly ButtonName[], { id, name: whose }: UserRow, next: string): Html {
  return html`<div class="actions">${names.map((name) => {
    const { path, text, style, label }: Button = BUTTONS[name]
    const action = withNext(`/app/friends/${id}/${path}`, next)
    return postButton(action, text, { label: label(whose), ...(style && { style }) })
  })}</div>`
}
