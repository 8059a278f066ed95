/**
 * One Ctrl-C may come as several signals: from the terminal, and from npm, which passes on what it got itself. One stop
 * of a supervisor may too: to a worker from it, and from the primary process. What comes within so many milliseconds of
 * the first is taken for its echo; people are slower.
 */
export const SIGNAL_ECHO_MS = 1000
