// koa-jwt with jwks-rsa on Koa.
import Koa from "koa";
import jwt from "koa-jwt";
import jwksRsa from "jwks-rsa";

const [port, jwksUri, issuer, audience] = process.argv.slice(2);
const app = new Koa();
app.silent = true;
const secret = jwksRsa.koaJwtSecret({ cache: true, cacheMaxAge: 2000, jwksUri });
app.use(jwt({ secret, audience, issuer, algorithms: ["RS256"] }));
app.use((context) => { context.body = "welcome"; });
app.listen(Number(port), "127.0.0.1");
