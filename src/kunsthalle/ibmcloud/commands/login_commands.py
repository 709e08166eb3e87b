"""`api`, `login`, `logout`, `target`, `regions` (cli.md 2)."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed, Refused
from kunsthalle.ibmcloud.grammar import Command, flag, from_file
from kunsthalle.ibmcloud.http_client import GRANT, path_of, valid
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.login_state import claims_of
from kunsthalle.ibmcloud.printed_tables import safe
from kunsthalle.ibmcloud.resource_commands import group_id

_NO_PASSWORDS = (
    "Kunsthalle has no passwords. Log in with an API key (ibmcloud login --apikey KEY) or a one-time code"
    " (ibmcloud login --sso)."
)
_PASSCODE = "passcode"
"""The user name that a one-time code is the password of."""


def _api(run: Run) -> None:
    endpoint, session = run.given["ENDPOINT"], run.session
    if run.given.get("unset"):
        session.kept.pop("APIEndpoint", None)
    elif endpoint:
        run.terminal.say(f"Setting api endpoint to {safe(valid(endpoint))}...")
        session.put(APIEndpoint=valid(endpoint), SSLDisabled=bool(run.given.get("skip-ssl-validation")))
    else:
        session.usable()
        run.terminal.lines([f"API endpoint: {session.endpoint}"])
        return
    session.save()
    run.terminal.ok()


def _key(run: Run) -> str:
    """The API key that was given: by a flag, as the password of the user `apikey`, by the environment, or typed."""
    from kunsthalle.ibmcloud.apikeys import from_text

    options = run.given
    if options.has("apikey"):
        return from_text(from_file(options.get("apikey")))
    if options.get("u") == "apikey" and options.has("p"):
        return str(options.get("p"))
    if options.has("u", "p"):
        raise Failed(_NO_PASSWORDS)
    known = run.env.get("IBMCLOUD_API_KEY") or run.env.get("BLUEMIX_API_KEY")
    return from_text(from_file(known)) if known else run.terminal.secret("API key> ").strip()


def _wants_passcode(run: Run) -> bool:
    return bool(run.given.get("sso")) or run.given.get("u") == _PASSCODE


def _passcode(run: Run) -> str:
    """The one-time code: the password of the user `passcode`, or typed after a look at the page that shows it."""
    options, terminal = run.given, run.terminal
    if options.has("u", "p"):
        if options.get("u") != _PASSCODE:
            raise Failed(_NO_PASSWORDS)
        return str(options.get("p")) if options.has("p") else terminal.secret("One-time code > ")
    page = safe(run.api.passcode_page())
    terminal.lines([f"\nGet a one-time code from {page} to proceed."])
    if run.session.text("SSOOTP") == "auto" or terminal.agree("Open the URL in the default browser?"):
        import webbrowser  # nobody else needs it

        if not webbrowser.open(page):
            terminal.warn("No browser could be opened. Open the URL yourself.")
    return terminal.secret("One-time code > ")


def _grant(run: Run) -> dict[str, str]:
    """The form that is exchanged for a token."""
    options, env = run.given, run.env
    if options.get("vpc-cri"):
        raise Failed("There is no metadata service here that could say who this server is. Use --apikey or --cr-token.")
    profile = options.get("profile") or env.get("IBMCLOUD_CR_PROFILE", "")
    which = "profile_id" if profile.startswith("Profile-") else "profile_name"
    token = options.get("cr-token") or ("" if options.has("apikey") else env.get("IBMCLOUD_CR_TOKEN", ""))
    if token:
        return {"grant_type": f"{GRANT}cr-token", "cr_token": from_file(token).strip(), which: profile}
    if _wants_passcode(run):
        return {"grant_type": f"{GRANT}passcode", "passcode": _passcode(run).strip(), "response_type": "cloud_iam"}
    return {"grant_type": f"{GRANT}apikey", "apikey": _key(run), "response_type": "cloud_iam"}


def _assume(run: Run, token: str) -> dict[str, str]:
    """The form that exchanges a token for a trusted profile's; a name is one of the token's account."""
    profile = run.given.get("profile")
    form = {"grant_type": f"{GRANT}assume", "access_token": token}
    if profile.startswith("crn:"):
        return {**form, "profile_crn": profile}
    if profile.startswith("Profile-"):
        return {**form, "profile_id": profile}
    return {**form, "profile_name": profile, "account": str(claims_of(token).get("account", {}).get("bss", ""))}


def _authenticate(run: Run, form: dict[str, str]) -> None:
    session = run.session
    try:
        token = run.api.token(form)
        if run.given.has("profile") and not run.given.has("cr-token"):
            token = {**run.api.token(_assume(run, token["access_token"])), "refresh_token": ""}
    except Refused as refused:
        first = refused.errors[0]
        raise Failed(f"Unable to authenticate: {first.get('message', '')} ({refused.code})") from refused
    session.put(IAMToken=f"Bearer {token['access_token']}", IAMRefreshToken=token.get("refresh_token") or "")
    session.put(IAMEndpoint=session.endpoint)


def _account(run: Run) -> None:
    """Targets the account that the key belongs to."""
    session = run.session
    id_ = str(session.claims().get("account", {}).get("bss", ""))
    account = run.given.get("c")
    if not id_:
        raise Failed("The token names no account.")
    try:
        document: dict[str, Any] = run.api.get(path_of("/v1/accounts/{}", id_))
    except Refused:
        document = {}
    name = str(document.get("name") or id_)
    if account and account not in {id_, name} and _wants_passcode(run):
        _switch(run, account)
        return
    if account and account not in {id_, name}:
        raise Failed(f"The API key belongs to account {name} ({id_}); another account cannot be targeted with it.")
    session.put(Account={"GUID": id_, "Name": name, "Owner": str(document.get("owner_iam_id") or "")})


def _switch(run: Run, account: str) -> None:
    """Into another account of which whoever signed in is a user, by its id or its name."""
    session, accounts = run.session, run.api.get("/v1/accounts")["resources"]
    id_ = next((entry["id"] for entry in accounts if account in {entry["id"], entry["name"]}), account)
    form = {"grant_type": "refresh_token", "refresh_token": session.text("IAMRefreshToken"), "bss_account": id_}
    try:
        token = run.api.token(form)
    except Refused as refused:
        raise Failed(f"You are no user of an account '{account}'.") from refused
    session.put(IAMToken=f"Bearer {token['access_token']}", IAMRefreshToken=token["refresh_token"])
    try:
        document = run.api.get(path_of("/v1/accounts/{}", id_))
    except Refused:
        document = {}
    owner = str(document.get("owner_iam_id") or "")
    session.put(Account={"GUID": id_, "Name": str(document.get("name") or id_), "Owner": owner})


def _region(run: Run, target: str | None) -> None:
    """Targets a region that the server knows; its first when nobody says."""
    known = [region["name"] for region in run.api.get("/v1/regions")["regions"]]
    name = target or (run.session.region if run.session.region in known else known[0])
    if name not in known:
        raise Failed(f"Region '{name}' was not found. There is: {', '.join(known)}.")
    run.session.put(Region=name, RegionID=f"ibm:yp:{name}")


def _group(run: Run, ref: str) -> None:
    path = path_of("/v2/resource_groups/{}", group_id(run, ref))
    answer = run.api.get(path)
    document = {
        "GUID": answer["id"],
        "Name": answer["name"],
        "State": answer.get("state", ""),
        "Default": answer.get("default"),
    }
    run.session.put(ResourceGroup={**document, "QuotaID": answer.get("quota_id", "")})


def _login(run: Run) -> None:
    options, session = run.given, run.session
    session.put(APIEndpoint=valid(options.get("a") or session.offered() if _fresh(run) else session.endpoint))
    if options.has("skip-ssl-validation"):
        session.put(SSLDisabled=bool(options.get("skip-ssl-validation")))
    run.terminal.say(f"API endpoint: {session.endpoint}")
    session.broken = ""  # what could not be read is made anew
    form = _grant(run)
    run.terminal.say("Authenticating...")
    _authenticate(run, form)
    for name in ("ResourceGroup", "Account"):
        session.kept.pop(name, None)
    _account(run)
    run.terminal.ok()
    run.terminal.say(f"\nTargeted account {_named_account(run)}\n")
    if options.has("g"):
        _group(run, options.get("g"))
        run.terminal.say(f"Targeted resource group {session.text('ResourceGroup', 'Name')}\n")
    if options.get("no-region"):
        session.put(Region="", RegionID="")
    else:
        _region(run, options.get("r") or run.env.get("IBMCLOUD_REGION"))
        run.terminal.say(f"Targeted region {session.region}\n")
    session.save()
    run.terminal.say()
    _block(run)


def _fresh(run: Run) -> bool:
    """Whether the endpoint is said anew: by the flag, or by the environment of this very shell."""
    places = ("IBMCLOUD_API_ENDPOINT", "KUNSTHALLE_URL", "IBMCLOUD_IAM_API_ENDPOINT")
    return run.given.has("a") or any(run.env.get(name) for name in places)


def _named_account(run: Run) -> str:
    return safe(f"{run.session.account_name} ({run.session.account})")


def _block(run: Run) -> None:
    """The block whose labels scripts look for, word by word (cli.md 2)."""
    session = run.session
    group = session.text("ResourceGroup", "Name")
    untargeted = "No resource group targeted, use 'ibmcloud target -g RESOURCE_GROUP'"
    rows = (
        ("API endpoint:", session.endpoint),
        ("Region:", session.region),
        ("User:", session.user),
        ("Account:", _named_account(run)),
        ("Resource group:", group or untargeted),
    )
    run.terminal.lines([f"{label:<19}{safe(text)}".rstrip() for label, text in rows])


def _logout(run: Run) -> None:
    run.terminal.say("Logging out...")
    run.session.log_out()
    run.terminal.ok()


def _target(run: Run) -> None:
    options, session, terminal = run.given, run.session, run.terminal
    if options.has("c") and options.get("c") not in {session.account, session.account_name}:
        raise Failed(f"The API key belongs to account {_named_account(run)}; log in with a key of the other account.")
    if options.has("c"):
        terminal.say(f"Targeted account {_named_account(run)}\n")
    if options.has("g"):
        _group(run, options.get("g"))
        terminal.say(f"Targeted resource group {session.text('ResourceGroup', 'Name')}\n")
    if options.has("r"):
        _region(run, options.get("r"))
        terminal.say(f"Targeted region {session.region}\n")
    if options.get("unset-region"):
        session.put(Region="", RegionID="")
    if options.get("unset-resource-group"):
        session.kept.pop("ResourceGroup", None)
    if options.has("g", "r", "unset-region", "unset-resource-group"):
        session.save()
        terminal.say()
    if run.json:
        run.print_json(_target_json(run))
    else:
        _block(run)


def _target_json(run: Run) -> dict[str, Any]:
    session = run.session
    group = {"guid": session.group, "name": session.text("ResourceGroup", "Name")} if session.group else {}
    return {
        "api_endpoint": session.endpoint,
        "region": {"name": session.region} if session.region else {},
        "user": {"display_name": session.user, "user_email": session.user, "iam_id": session.iam_id},
        "account": {"guid": session.account, "name": session.account_name},
        "resource_group": group,
    }


def _regions(run: Run) -> None:
    run.terminal.say("Listing regions...\n")
    regions = run.api.get("/v1/regions")["regions"]
    run.table(regions, (("Name", "name"), ("Display name", "name")), "No regions were found.")


COMMANDS = (
    Command(
        "api",
        "Set or view the target API endpoint.",
        _api,
        "[ENDPOINT]",
        (
            flag("unset", text="Remove all API endpoint settings."),
            flag("skip-ssl-validation", text="Bypass SSL validation of HTTP requests."),
            flag("vpc", text="Ignored: there is one network."),
        ),
        output=False,
        offline=True,
    ),
    Command(
        "login",
        "Log user in.",
        _login,
        flags=(
            flag("a", "API_ENDPOINT", "API endpoint, for example http://127.0.0.1:8100."),
            flag("apikey", "KEY|@FILE", "API key, or the file that holds it."),
            flag("cr-token", "TOKEN|@FILE", "Compute resource token."),
            flag("vpc-cri", text="Log in as the virtual server (there is no metadata service here)."),
            flag("profile", "PROFILE", "Trusted profile to assume: ID, CRN or name."),
            flag("sso", text="Log in with a one-time code, which a page shows to whoever is signed in there."),
            flag("u", "USERNAME", "The word 'apikey', or the word 'passcode'."),
            flag("p", "PASSWORD", "The API key with -u apikey, the one-time code with -u passcode."),
            flag("c", "ACCOUNT_ID", "ID or name of the account."),
            flag("no-account", text="Ignored: a key belongs to one account."),
            flag("accept", text="Ignored: nothing is asked."),
            flag("g", "RESOURCE_GROUP", "Name or ID of the resource group."),
            flag("r", "REGION", "Name of the region."),
            flag("no-region", text="Log in without targeting a region."),
            flag("skip-ssl-validation", text="Bypass SSL validation of HTTP requests."),
            flag("vpc", text="Ignored: there is one network."),
        ),
        alone=(("apikey", "cr-token", "vpc-cri"), ("c", "no-account"), ("r", "no-region")),
        output=False,
        offline=True,
    ),
    Command("logout", "Log user out.", _logout, output=False, offline=True),
    Command(
        "target",
        "Set or view the targeted region, account and resource group.",
        _target,
        flags=(
            flag("r", "REGION", "Name of the region."),
            flag("unset-region", text="Clear the targeted region."),
            flag("c", "ACCOUNT_ID", "ID or name of the account."),
            flag("g", "RESOURCE_GROUP", "Name or ID of the resource group."),
            flag("unset-resource-group", text="Clear the targeted resource group."),
        ),
        alone=(("r", "unset-region"), ("g", "unset-resource-group")),
    ),
    Command("regions", "List all the regions.", _regions),
)
