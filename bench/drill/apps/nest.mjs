// NestJS with its guard for Passport, and passport-jwt with jwks-rsa behind it. Decorators are called as functions.
import "reflect-metadata";
import { Controller, Get, Module, UseGuards } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { AuthGuard, PassportStrategy } from "@nestjs/passport";
import jwksRsa from "jwks-rsa";
import { ExtractJwt, Strategy } from "passport-jwt";

const [port, jwksUri, issuer, audience] = process.argv.slice(2);

class JwtStrategy extends PassportStrategy(Strategy) {
  constructor() {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      secretOrKeyProvider: jwksRsa.passportJwtSecret({ cache: true, cacheMaxAge: 2000, jwksUri }),
      audience, issuer, algorithms: ["RS256"],
    });
  }
  validate(payload) {
    return payload;
  }
}

class Me {
  me() {
    return "welcome";
  }
}
const me = Object.getOwnPropertyDescriptor(Me.prototype, "me");
Get()(Me.prototype, "me", me);
UseGuards(AuthGuard("jwt"))(Me.prototype, "me", me);
Controller("me")(Me);

class App {}
Module({ controllers: [Me], providers: [JwtStrategy] })(App);
const app = await NestFactory.create(App, { logger: ["error"] });
await app.listen(Number(port), "127.0.0.1");
