/** Every page: htmx behind its nonce gate, and the few behaviours that native elements leave out. */
import 'htmx.org/dist/htmx.esm.js';
import 'htmx.org/dist/ext/hx-csp.js';
import './manners.js';
