"""HTML doors of the rules (A4): read them, try them, compare versions, restrict one's own people."""

from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from jit_server import workspaces
from jit_server.access import Action
from jit_server.core.errors import Invalid
from jit_server.web.api import check
from jit_server.web.context import work
from jit_server.web.declared import own
from jit_server.web.pages import form, go, show
from jit_server.workspaces.pages import pages
from jit_server.workspaces.restrictions import EndRule, NewPartyRule
from jit_server.workspaces.usecases import party_rules
from jit_server.workspaces.views.policy import policy, spaces

MANY = ("actions", "roles", "origins", "handlings", "phases", "compartments")


@pages.shows("/agency/policy", to=own("only the teams one belongs to"))
def list_policies() -> ResponseReturnValue:
    """The teams of the agency's people, each with its rules (A4)."""
    with work() as uow:
        values = spaces(workspaces.my_workspaces(uow, note=True))
    return show("workspaces/policies.html", **values)


@pages.shows("/agency/policy/<uuid:workspace_id>", to=Action.POLICY_EXPLAIN)
def read_policy(workspace_id: UUID) -> ResponseReturnValue:
    """The rules of one team (A4)."""
    with work() as uow:
        values = policy(uow, workspace_id, request.args.to_dict())
    return show("workspaces/policy.html", here="policy", errors=[], typed={}, **values)


@pages.takes("/agency/policy/<uuid:workspace_id>", to=Action.POLICY_PROPOSE)
def propose_rule(workspace_id: UUID) -> ResponseReturnValue:
    """Word a restriction of one's own party."""
    typed = {"sentence": request.form.get("sentence", ""), **{name: request.form.getlist(name) for name in MANY}}
    try:
        new = check(NewPartyRule, typed)
        with work() as uow:
            party_rules.propose_rule(uow, workspace_id, new)
    except Invalid as error:
        with work() as uow:
            values = policy(uow, workspace_id, {})
        errors = error.members.get("errors", [])
        return show("workspaces/policy.html", 422, here="policy", errors=errors, typed=typed, **values)
    return go(_page(workspace_id), gettext("Proposed. Look at what it changes, then apply it."))


@pages.takes("/agency/policy/<uuid:workspace_id>/<uuid:rule_id>/apply", to=Action.POLICY_APPLY)
def apply_rule(workspace_id: UUID, rule_id: UUID) -> ResponseReturnValue:
    """Put a restriction in force."""
    with work() as uow:
        party_rules.apply_rule(uow, workspace_id, rule_id)
    return go(_page(workspace_id), gettext("The restriction is in force."))


@pages.takes("/agency/policy/<uuid:workspace_id>/<uuid:rule_id>/withdraw", to=Action.POLICY_PROPOSE)
def withdraw_rule(workspace_id: UUID, rule_id: UUID) -> ResponseReturnValue:
    """Take a proposal back."""
    with work() as uow:
        party_rules.withdraw_rule(uow, workspace_id, rule_id)
    return go(_page(workspace_id), gettext("The proposal is withdrawn."))


@pages.takes("/agency/policy/<uuid:workspace_id>/<uuid:rule_id>/propose-end", to=Action.POLICY_PROPOSE)
def propose_end(workspace_id: UUID, rule_id: UUID) -> ResponseReturnValue:
    """Ask that a restriction be lifted."""
    end = form(EndRule)
    with work() as uow:
        party_rules.propose_end(uow, workspace_id, rule_id, end)
    return go(_page(workspace_id), gettext("A second person of your party must confirm it."))


@pages.takes("/agency/policy/<uuid:workspace_id>/<uuid:rule_id>/keep", to=Action.POLICY_PROPOSE)
def withdraw_end(workspace_id: UUID, rule_id: UUID) -> ResponseReturnValue:
    """Let a restriction stand after all."""
    with work() as uow:
        party_rules.withdraw_end(uow, workspace_id, rule_id)
    return go(_page(workspace_id), gettext("The restriction stays in force."))


@pages.takes("/agency/policy/<uuid:workspace_id>/<uuid:rule_id>/end", to=Action.POLICY_APPLY)
def end_rule(workspace_id: UUID, rule_id: UUID) -> ResponseReturnValue:
    """Lift a restriction, as the second person."""
    with work() as uow:
        party_rules.end_rule(uow, workspace_id, rule_id)
    return go(_page(workspace_id), gettext("The restriction is lifted."))


def _page(workspace_id: UUID) -> str:
    return f"/agency/policy/{workspace_id}#restrictions"
