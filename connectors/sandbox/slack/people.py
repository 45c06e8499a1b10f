"""auth.*, users.*, team.* and bots.*"""

from dataclasses import replace

from connectors.sandbox.slack.call import Call, Method, page
from connectors.sandbox.slack.shapes import avatar, user_wire
from connectors.sandbox.slack.wire import Refused, Wire


def api_test(call: Call) -> Wire:
    if error := call.text("error"):
        raise Refused(error, args={key: call.text(key) for key in call.args})
    shown = {key: call.text(key) for key in call.args if key != "token"}
    return {"args": shown} if shown else {}


def auth_test(call: Call) -> Wire:
    home = call.workspace.home
    return {
        "url": f"https://{home.domain}.slack.com/",
        "team": home.team_name,
        "user": call.workspace.user(home.bot_user).name,
        "team_id": home.team_id,
        "user_id": home.bot_user,
        "bot_id": home.bot_id,
        "is_enterprise_install": home.enterprise is not None,
        **({"enterprise_id": home.enterprise.id} if home.enterprise else {}),
    }


def user_info(call: Call) -> Wire:
    user = call.workspace.state.users.get(call.required("user", "user_not_found"))
    if user is None:
        raise Refused("user_not_found")
    return {"user": user_wire(user, call.workspace.home)}


def user_list(call: Call) -> Wire:
    workspace = call.workspace
    keys, cursor = page(list(workspace.state.users), call, default=1000)
    return {
        "members": [user_wire(workspace.state.users[key], workspace.home) for key in keys],
        "cache_ts": workspace.seconds(),
        "response_metadata": {"next_cursor": cursor},
    }


def lookup_by_email(call: Call) -> Wire:
    email = call.required("email", "users_not_found").lower()
    for user in call.workspace.state.users.values():
        if user.email.lower() == email and not user.deleted:
            return {"user": user_wire(user, call.workspace.home)}
    raise Refused("users_not_found")


def dnd_info(call: Call) -> Wire:
    """Return what others may see of a person's Do Not Disturb, without private fields such as
    `snooze_enabled`.

    https://docs.slack.dev/reference/methods/dnd.info
    """
    user = call.workspace.state.users.get(call.text("user") or call.workspace.home.bot_user)
    if user is None:
        raise Refused("user_not_found")
    return {
        "dnd_enabled": bool(user.dnd_end),
        "next_dnd_start_ts": user.dnd_start or 1,
        "next_dnd_end_ts": user.dnd_end or 1,
    }


def team_info(call: Call) -> Wire:
    """Return our workspace, or another that shares a channel with us.

    https://docs.slack.dev/reference/methods/team.info
    """
    home = call.workspace.home
    team = call.text("team") or home.team_id
    if team != home.team_id:
        names = (each.team_name for each in call.workspace.state.users.values() if each.team_id == team)
        home = replace(home, team_id=team, team_name=next(filter(None, names), ""))
    if not home.team_name:
        raise Refused("team_not_found")
    return {
        "team": {
            "id": home.team_id,
            "name": home.team_name,
            "url": f"https://{home.domain}.slack.com/",
            "domain": home.domain,
            "email_domain": "",
            "icon": {"image_default": True, **{f"image_{size}": avatar(size) for size in (34, 68, 132)}},
            "avatar_base_url": "https://ca.slack-edge.com/",
            "is_verified": False,
        }
    }


def bot_info(call: Call) -> Wire:
    home = call.workspace.home
    if call.text("bot", home.bot_id) != home.bot_id:
        raise Refused("bot_not_found")
    profile = home.bot_profile
    del profile["team_id"]
    return {"bot": {**profile, "user_id": home.bot_user}}


METHODS: dict[str, Method] = {
    "api.test": api_test,
    "auth.test": auth_test,
    "users.info": user_info,
    "users.list": user_list,
    "users.lookupByEmail": lookup_by_email,
    "dnd.info": dnd_info,
    "team.info": team_info,
    "bots.info": bot_info,
}
