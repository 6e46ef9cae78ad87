"""aiohttp: `gunicorn --workers 2 --worker-class aiohttp.GunicornWebWorker aiohttp_app:app`."""

from aiohttp import web

from rightkey.integrations.aiohttp import TOKEN, public, require, setup

app = web.Application()
setup(app, "tenant.eu.auth0.com", audience="https://api.example.com")
routes = web.RouteTableDef()


@routes.get("/me")
async def me(request: web.Request) -> web.Response:
    return web.json_response({"subject": request[TOKEN].subject})


@routes.get("/appointments")
@require("read:appointments")
async def read(request: web.Request) -> web.Response:
    return web.json_response({"subject": request[TOKEN].subject})


@routes.get("/health")
@public
async def health(request: web.Request) -> web.Response:
    return web.json_response({})


app.add_routes(routes)
if __name__ == "__main__":
    web.run_app(app)
