#!/usr/bin/env python3
"""Demande un VIHF à Sceau par sa socket locale (fr.sceau.Token). Python 3.9 ou plus, bibliothèque standard seule.

    printf '%s' "$INS" | vihf.py --practitioner 899900063480 --method CPS --instant 2026-03-02T08:30:00Z --transaction 3.1 --ins -

L'assertion sort telle quelle sur la sortie standard, sans fin de ligne ajoutée : la moindre retouche casse sa signature.
Codes de retour : 0 obtenue ; 1 refusée ; 2 demande mal formée ; 3 service occupé ou indisponible ; 4 service arrêté.
"""

import argparse
import json
import secrets
import socket
import sys
import time

INTERFACE = "fr.sceau.Token"
STANDARD = "org.varlink.service"
# Une réponse tient une assertion et, un jour, sa preuve : au-delà, ce n'est pas Sceau qui parle.
ANSWER_LEN_MAX = 1024 * 1024
DEADLINE_S = 10.0
# Au-delà de ces essais, la charge n'est plus passagère : mieux vaut le dire à l'utilisateur.
BUSY_TRIES_MAX = 5
BUSY_WAIT_MAX_MS = 2000

EXIT_STATUS = {
    "Denied": 1,
    "Replayed": 1,
    "Malformed": 2,
    "Busy": 3,
    "Unavailable": 3,
    "Halted": 4,
}


class Refusal(Exception):
    """Une réponse d'erreur : `name` (Denied, Busy…) et ses paramètres."""

    def __init__(self, error, parameters):
        self.name = error.rpartition(".")[2]
        self.standard = error.startswith(STANDARD + ".")
        self.parameters = parameters
        detail = parameters.get("reason") or parameters.get("field") or parameters.get("parameter")
        message = parameters.get("message", "")
        super().__init__(" : ".join(part for part in (self.name, detail, message) if part))

    def exit_status(self):
        """Le code de retour que le contrat donne à cette erreur."""
        return 2 if self.standard else EXIT_STATUS.get(self.name, 3)


class Sceau:
    """Une connexion : des questions et des réponses dans l'ordre, chacune un objet JSON suivi d'un octet NUL."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(DEADLINE_S)
        self._socket.connect(path)
        self._received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def call(self, method, **parameters):
        """Rend les paramètres de la réponse, ou lève Refusal. Un paramètre None n'est pas envoyé."""
        given = {name: value for name, value in parameters.items() if value is not None}
        question = {"method": f"{INTERFACE}.{method}", "parameters": given}
        self._socket.sendall(json.dumps(question).encode("utf-8") + b"\0")
        answer = json.loads(self._frame())
        if "error" in answer:
            raise Refusal(answer["error"], answer.get("parameters") or {})
        return answer.get("parameters") or {}

    def _frame(self):
        while b"\0" not in self._received:
            part = self._socket.recv(65536)
            if not part:
                raise ConnectionError("Sceau a fermé la connexion avant de répondre")
            self._received += part
            if len(self._received) > ANSWER_LEN_MAX:
                raise ConnectionError("réponse trop longue")
        frame, _, self._received = self._received.partition(b"\0")
        return frame


def when_free(question):
    """Pose la question ; sur Busy, attend le délai demandé et repose la même : rien n'a été fait, le nonce reste libre."""
    for tries_left in range(BUSY_TRIES_MAX - 1, -1, -1):
        try:
            return question()
        except Refusal as refusal:
            if refusal.name != "Busy" or tries_left == 0:
                raise
            time.sleep(min(refusal.parameters["retry_after_ms"], BUSY_WAIT_MAX_MS) / 1000)


def obtain(sceau, arguments, patient):
    """Ouvre une session, demande une assertion, ferme la session."""
    authentication = None
    if arguments.method:
        authentication = {"method": arguments.method, "instant": arguments.instant}
        if arguments.initial_instant:
            authentication["initial_instant"] = arguments.initial_instant
    session = when_free(
        lambda: sceau.call(
            "OpenSession",
            practitioner=arguments.practitioner,
            authentication=authentication,
            structure=arguments.structure,
            service=arguments.service,
            channel=arguments.channel,
            profile=arguments.profile,
        )
    )["session"]
    try:
        # 24 octets tirés au hasard : 32 caractères parmi A-Z a-z 0-9 - _. Un nonce neuf pour chaque demande.
        nonce = secrets.token_urlsafe(24)
        return when_free(
            lambda: sceau.call(
                "Issue",
                session=session,
                nonce=nonce,
                transaction=arguments.transaction,
                purpose=arguments.purpose,
                patient=patient,
            )
        )
    finally:
        try:
            sceau.call("CloseSession", session=session)
        except (Refusal, OSError, ValueError):
            pass  # La session expirera d'elle-même ; l'erreur d'origine, s'il y en a une, compte davantage.


def read_arguments():
    """La ligne de commande. L'INS n'y figure jamais : `--ins -` le lit sur l'entrée standard."""
    parser = argparse.ArgumentParser(description="Demande un VIHF à Sceau.")
    parser.add_argument("--socket", default="/run/sceau/token.sock")
    parser.add_argument("--practitioner", required=True, help="PS_IdNat : 8 + RPPS ou 0 + ADELI")
    parser.add_argument("--method", help="méthode de l'annexe 2 : CPS, OTP_SMS…")
    parser.add_argument("--instant", help="instant de la connexion du professionnel (pas de la demande), RFC 3339 UTC")
    parser.add_argument("--initial-instant", help="pour CPS:CPSSANSCONTACT, instant de la lecture avec code")
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
    patient = None
    if arguments.ins:
        patient = {"ins": sys.stdin.readline().strip()}
        if arguments.oid:
            patient["oid"] = arguments.oid
    try:
        with Sceau(arguments.socket) as sceau:
            answer = obtain(sceau, arguments, patient)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.exit_status()
    except (OSError, ValueError) as failure:
        print(f"Sceau est injoignable par {arguments.socket} : {failure}", file=sys.stderr)
        return 3
    print(f"{answer['id']} valable jusqu'à {answer['expires_at']}", file=sys.stderr)
    sys.stdout.buffer.write(answer["assertion"].encode("utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
