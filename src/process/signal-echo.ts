/**
 * One Ctrl-C may come as several signals: from the terminal, and from npm, which passes its own on. So may one stop of
 * a supervisor: to a worker directly, and from the primary process. A signal within this many milliseconds of the first
 * counts as its echo; people are slower.
 */
export const SIGNAL_ECHO_MS = 1000
