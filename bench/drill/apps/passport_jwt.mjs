// passport-jwt with jwks-rsa on Express.
import express from "express";
import passport from "passport";
import { ExtractJwt, Strategy } from "passport-jwt";
import jwksRsa from "jwks-rsa";

const [port, jwksUri, issuer, audience] = process.argv.slice(2);
passport.use(new Strategy({
  jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
  secretOrKeyProvider: jwksRsa.passportJwtSecret({ cache: true, cacheMaxAge: 2000, jwksUri }),
  audience, issuer, algorithms: ["RS256"],
}, (payload, done) => done(null, payload)));
const app = express();
app.get("/me", passport.authenticate("jwt", { session: false }), (_, response) => response.send("welcome"));
app.listen(Number(port), "127.0.0.1");
