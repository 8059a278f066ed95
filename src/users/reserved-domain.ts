/**
 * Addresses of seeded accounts end in this domain, and sign-up refuses it: so a real account can never be taken for
 * a seeded one. `.example` can never be registered (RFC 2606).
 */
export const RESERVED_DOMAIN = 'seed.rollcall.example'
