#!/usr/bin/env python3
"""Demande un VIHF à Sceau par sa socket locale (fr.sceau.Token). Python 3.9 ou plus, bibliothèque standard seule.

    printf '%s' "$INS" | vihf.py --practitioner 899900063480 --method CPS --instant 2026-03-02T08:30:00Z --transaction 3.1 --ins -

L'assertion sort telle quelle sur la sortie standard, sans fin de ligne ajoutée : la moindre retouche casse sa signature.
Codes de retour : 0 obtenue ; 1 refusée ; 2 demande mal formée ; 3 service occupé ou indisponible ; 4 service arrêté.
Vihf.java et Vihf.cs font la même chose avec les mêmes options.
"""

import argparse
import json
import secrets
import socket
import sys
import time

INTERFACE = "fr.sceau.Token"
STANDARD = "org.varlink.service"
# Une réponse tient une assertion et son reçu : au-delà, ce n'est pas Sceau qui parle.
ANSWER_LEN_MAX = 1024 * 1024
DEADLINE_S = 10.0
# Au-delà de ces essais, la charge n'est plus passagère : mieux vaut le dire à l'utilisateur.
BUSY_TRIES_MAX = 5
BUSY_WAIT_MAX_MS = 2000
# Questions posées en tout quand une réponse se perd ou que le service est indisponible un instant, et attente entre elles.
TRIES_MAX = 3
WAIT_MS = 500
# Ces indisponibilités attendent quelqu'un : réessayer n'y fait rien.
NEEDS_AN_OPERATOR = ("clock-jump", "pin-refused")

EXIT_STATUS = {"Denied": 1, "Replayed": 1, "Malformed": 2, "Busy": 3, "Unavailable": 3, "Halted": 4}


class Refusal(Exception):
    """Une réponse d'erreur : `name` (Denied, Busy…) et ses paramètres."""

    def __init__(self, error, parameters):
        self.name = error.rpartition(".")[2]
        self.standard = error.startswith(STANDARD + ".")
        self.parameters = parameters
        self.reason = parameters.get("reason")
        detail = self.reason or parameters.get("field") or parameters.get("parameter")
        message = parameters.get("message", "")
        super().__init__(" : ".join(part for part in (self.name, detail, message) if part))

    def exit_status(self):
        """Le code de retour que le contrat donne à cette erreur."""
        return 2 if self.standard else EXIT_STATUS.get(self.name, 3)

    def may_heal(self):
        """Indisponible, et rien n'a été émis : la même demande peut réussir bientôt, avec un nouveau nonce."""
        return self.name == "Unavailable" and self.reason not in NEEDS_AN_OPERATOR

    def session_is_gone(self):
        """La session n'est plus : à rouvrir si la connexion n'était pas prouvée par un jeton, qui ne sert qu'une fois."""
        return self.name == "Denied" and self.reason in ("session-unknown", "session-expired")


class Lost(Exception):
    """La question est partie, la réponse n'est pas venue : nul ne sait ce qui a été fait."""


class Sceau:
    """Des questions et des réponses dans l'ordre, chacune un objet JSON suivi d'un octet NUL ; se reconnecte après une perte."""

    def __init__(self, path):
        self._path = path
        self._socket = None
        self._received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._close()

    def call(self, method, **parameters):
        """Rend les paramètres de la réponse, ou lève Refusal, Lost ou OSError (rien n'a été envoyé). None n'est pas envoyé."""
        given = {name: value for name, value in parameters.items() if value is not None}
        question = {"method": f"{INTERFACE}.{method}", "parameters": given}
        self._connect()
        try:
            self._socket.sendall(json.dumps(question).encode("utf-8") + b"\0")
            answer = json.loads(self._frame())
            if not isinstance(answer, dict):
                raise ValueError("réponse illisible")
        except (OSError, ValueError) as failure:
            self._close()  # Une réponse en retard ne doit pas passer pour celle de la question suivante.
            raise Lost(str(failure) or "délai dépassé") from failure
        if "error" in answer:
            raise Refusal(answer["error"], answer.get("parameters") or {})
        return answer.get("parameters") or {}

    def when_free(self, method, **parameters):
        """Pose la question ; sur Busy, attend le délai demandé et repose la même : rien n'a été fait, le nonce reste libre."""
        for tries_left in range(BUSY_TRIES_MAX - 1, -1, -1):
            try:
                return self.call(method, **parameters)
            except Refusal as refusal:
                if refusal.name != "Busy" or tries_left == 0:
                    raise
                time.sleep(min(refusal.parameters["retry_after_ms"], BUSY_WAIT_MAX_MS) / 1000)

    def _connect(self):
        if self._socket is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(DEADLINE_S)
            try:
                connection.connect(self._path)
            except OSError:
                connection.close()
                raise
            self._socket, self._received = connection, b""

    def _close(self):
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _frame(self):
        while b"\0" not in self._received:
            part = self._socket.recv(65536)
            if not part:
                raise ConnectionError("connexion fermée avant la réponse")
            self._received += part
            if len(self._received) > ANSWER_LEN_MAX:
                raise ConnectionError("réponse trop longue")
        frame, _, self._received = self._received.partition(b"\0")
        return frame


def tell(text):
    print(text, file=sys.stderr)


def again(question):
    """Pose la question ; si la réponse se perd ou si Sceau est indisponible un instant, la repose, quelques fois."""
    for tries_left in range(TRIES_MAX - 1, -1, -1):
        try:
            return question()
        except (Lost, OSError) as failure:
            if tries_left == 0:
                raise
            tell(f"pas de réponse ({failure}) : nouvelle demande")
        except Refusal as refusal:
            if not refusal.may_heal() or tries_left == 0:
                raise
            tell(f"{refusal} : nouvelle demande")
        time.sleep(WAIT_MS / 1000)


def obtain(sceau, login, asked):
    """Ouvre une session, demande une assertion, ferme la session."""

    def open_session():
        return again(lambda: sceau.when_free("OpenSession", **login))["session"]

    def issue():
        # 24 octets tirés au hasard : 32 caractères parmi A-Z a-z 0-9 - _. Un nonce neuf pour chaque demande, aussi après une
        # réponse perdue : la première assertion, s'il y en a eu une, compte comme émise et inutilisée.
        return again(lambda: sceau.when_free("Issue", session=session, nonce=secrets.token_urlsafe(24), **asked))

    session = open_session()
    try:
        try:
            return issue()
        except Refusal as refusal:
            if not refusal.session_is_gone() or "proof" in (login["authentication"] or {}):
                raise
            tell(f"{refusal} : nouvelle session")
            session = open_session()
            return issue()
    finally:
        try:
            sceau.call("CloseSession", session=session)
        except (Refusal, Lost, OSError):
            pass  # La session expirera d'elle-même ; l'erreur d'origine, s'il y en a une, compte davantage.


def read_arguments():
    """La ligne de commande. Ni l'INS ni la preuve n'y figurent : entrée standard et fichier."""
    parser = argparse.ArgumentParser(description="Demande un VIHF à Sceau.")
    parser.add_argument("--socket", default="/run/sceau/token.sock")
    parser.add_argument("--practitioner", required=True, help="PS_IdNat : 8 + RPPS ou 0 + ADELI")
    parser.add_argument("--method", help="méthode de l'annexe 2 : CPS, OTP_SMS…")
    parser.add_argument("--instant", help="instant de la connexion du professionnel (pas de la demande), RFC 3339 UTC")
    parser.add_argument("--initial-instant", help="pour CPS:CPSSANSCONTACT, instant de la lecture avec code")
    parser.add_argument("--proof-file", help="fichier du jeton d'identité (ID token) qui prouve la connexion")
    parser.add_argument("--structure", help="Struct_IdNat, s'il y en a plusieurs")
    parser.add_argument("--service", help="service, s'il y en a plusieurs")
    parser.add_argument("--channel", choices=["LPS", "WEB_PS"])
    parser.add_argument("--profile")
    parser.add_argument("--transaction", required=True, help="clé de la table des droits : 3.1, 3.2…")
    parser.add_argument("--purpose", default="normal", choices=["normal", "bris_de_glace", "centre_15"])
    parser.add_argument("--ins", choices=["-"], help="lit l'INS (15 caractères) sur l'entrée standard")
    parser.add_argument("--oid", help="OID de l'INS (défaut : celui du profil)")
    arguments = parser.parse_args()
    if (arguments.method is None) != (arguments.instant is None):
        parser.error("--method et --instant vont ensemble : la méthode de la connexion et son instant")
    return arguments


def main():
    arguments = read_arguments()
    authentication = None
    if arguments.method:
        authentication = {"method": arguments.method, "instant": arguments.instant}
        if arguments.initial_instant:
            authentication["initial_instant"] = arguments.initial_instant
        if arguments.proof_file:
            with open(arguments.proof_file, encoding="ascii") as file:
                authentication["proof"] = file.read().strip()
    login = {name: getattr(arguments, name) for name in ("practitioner", "structure", "service", "channel", "profile")}
    login["authentication"] = authentication
    asked = {"transaction": arguments.transaction, "purpose": arguments.purpose, "patient": None}
    if arguments.ins:
        asked["patient"] = {"ins": sys.stdin.readline().strip()}
        if arguments.oid:
            asked["patient"]["oid"] = arguments.oid
    try:
        with Sceau(arguments.socket) as sceau:
            answer = obtain(sceau, login, asked)
    except Refusal as refusal:
        tell(refusal)
        return refusal.exit_status()
    except (Lost, OSError) as failure:
        tell(f"Sceau est injoignable par {arguments.socket} : {failure}")
        return 3
    tell(f"{answer['id']} valable jusqu'à {answer['expires_at']}")
    sys.stdout.buffer.write(answer["assertion"].encode("utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
