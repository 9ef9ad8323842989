"""A browser and the application behind it: one authorization code flow (OpenID Connect Core section 3.1) against a provider
on loopback. Reads {issuer, client_id, form} as JSON on standard input; prints the token endpoint's answer."""

import base64
import hashlib
import http.cookiejar
import json
import secrets
import sys
import urllib.parse
import urllib.request

asked = json.load(sys.stdin)
issuer, client = asked["issuer"], asked["client_id"]


class Stop(urllib.request.HTTPRedirectHandler):
    """Follows the provider's redirections up to the one that hands the code to the application."""

    def redirect_request(self, request, fp, code, message, headers, url):
        if url.startswith(f"{issuer}/application"):
            return None
        return super().redirect_request(request, fp, code, message, headers, url)


browser = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), Stop
)


def get(url, form=None):
    """The address where a request ended, and its answer."""
    data = urllib.parse.urlencode(form).encode() if form is not None else None
    try:
        with browser.open(urllib.request.Request(url, data)) as answer:
            return answer.geturl(), answer.read()
    except urllib.error.HTTPError as error:
        if error.code not in (302, 303):
            raise SystemExit(f"{url}: {error.code} {error.read().decode()}")
        return error.headers["Location"], b""


def no_redirect(url):
    """Where a request is sent on to."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    here = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), *[h for h in browser.handlers if isinstance(h, urllib.request.HTTPCookieProcessor)], Stay
    )
    try:
        here.open(url)
    except urllib.error.HTTPError as error:
        if error.code in (302, 303):
            return urllib.parse.urljoin(url, error.headers["Location"])
        raise SystemExit(f"{url}: {error.code} {error.read().decode()}")
    raise SystemExit(f"{url}: no redirection")


verifier, state = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
parameters = {
    "client_id": client,
    "response_type": "code",
    "scope": "openid",
    "redirect_uri": f"{issuer}/application",
    "state": state,
    "nonce": secrets.token_urlsafe(16),
    "code_challenge": challenge,
    "code_challenge_method": "S256",
    "max_age": "3600",
    "prompt": "login",
}
login = no_redirect(f"{issuer}/auth?{urllib.parse.urlencode(parameters)}")
handed, _ = get(login, asked["form"])
answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(handed).query))
assert answer.get("state") == state and "code" in answer, answer
redeem = urllib.request.Request(
    f"{issuer}/token",
    urllib.parse.urlencode(
        {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": f"{issuer}/application",
            "code_verifier": verifier,
        }
    ).encode(),
)
secret = ":".join(urllib.parse.quote_plus(part) for part in (client, f"secret of {client}"))
redeem.add_header("Authorization", "Basic " + base64.b64encode(secret.encode()).decode())
with browser.open(redeem) as tokens:
    sys.stdout.write(tokens.read().decode())
