"""The kinds that rules speak of: roles, party classes, origins, handling codes, phases and actions.

Rules never name a row, so the space of questions is finite and every answer can be remembered.
"""

from enum import StrEnum


class Role(StrEnum):
    """What a person is in one workspace."""

    LEADER = "leader"
    MEMBER = "member"
    SECONDED_MEMBER = "seconded_member"
    PARTICIPANT = "participant"
    OBSERVER = "observer"
    SPACE_ADMIN = "space_admin"
    AUDITOR = "auditor"


class PartyClass(StrEnum):
    """The six classes of party (Reg. (EU) 2023/969, Articles 13 to 18)."""

    MS_AUTHORITY = "ms_authority"
    EPPO = "eppo"
    EU_BODY = "eu_body"
    THIRD_COUNTRY = "third_country"
    INTL_JUDICIAL_AUTHORITY = "intl_judicial_authority"
    SECRETARIAT = "secretariat"


class Origin(StrEnum):
    """Whose thing it is, seen from the person who asks: their own party's or a partner's."""

    OWN = "own"
    PARTNER = "partner"


class Handling(StrEnum):
    """SIENA handling codes; the originator keeps a say over what it supplied."""

    H0 = "H0"
    H1 = "H1"
    H2 = "H2"
    H3 = "H3"


class Gate(StrEnum):
    """Whether a thing from a third country or an international court has been let in (Art. 17(3))."""

    OPEN = "open"
    PENDING = "pending"
    """In quarantine until a space administrator has verified it."""
    REFUSED = "refused"


class Remedy(StrEnum):
    """What would turn a refusal into a permission."""

    NONE = "none"
    ASK_ORIGINATOR = "ask_originator"
    """The originator's consent, with scope and expiry."""
    VERIFICATION = "verification"
    """A release to this third country or court, verified by whoever supplied the thing."""
    PHASE = "phase"
    """Another phase of the workspace."""
    ROLE = "role"
    """Another role in the team, or a clause of the agreement."""


class Phase(StrEnum):
    """Where a workspace stands between the draft agreement and the end of its log."""

    PROPOSED = "proposed"
    AGREEMENT_SIGNED = "agreement_signed"
    PROVISIONING = "provisioning"
    OPERATIONAL = "operational"
    SUSPENDED = "suspended"
    EXPIRING = "expiring"
    POST_OPERATIONAL = "post_operational"
    EVALUATING = "evaluating"
    EVALUATED = "evaluated"
    NOT_EVALUATED = "not_evaluated"
    PURGING = "purging"
    CLOSED = "closed"
    LOG_EXPIRED = "log_expired"


class Action(StrEnum):
    """What may be asked of the server, imperative; the event that records it is the past tense. Sorted."""

    ACCESS_ASK = "access:ask"
    """Ask the originator for what a marking keeps from one."""
    ACCESS_BREAK_GLASS = "access:break_glass"
    """Open a restricted thing for an hour in an emergency, with notice to its originator."""
    ACCESS_DECIDE = "access:decide"
    """Answer who asks for a thing of one's own party."""
    AGREEMENT_AMEND = "agreement:amend"
    """Draft an agreement or its amendment, and lay it before the parties."""
    AGREEMENT_READ = "agreement:read"
    """See the agreement of the team and who has signed it."""
    AGREEMENT_SIGN = "agreement:sign"
    """Sign the agreement for one's own party."""
    APPROVAL_GIVE = "approval:give"
    """Be the second person in an act that needs two."""
    CHANNEL_CREATE = "channel:create"
    """Open a channel of conversation."""
    CHANNEL_READ = "channel:read"
    """Know the channels and their topics."""
    CUSTODY_DECIDE = "custody:decide"
    """State on what basis an exhibit of one's own party rests, and what becomes of it."""
    CUSTODY_READ = "custody:read"
    """See an exhibit's chain of custody, refusals included."""
    CUSTODY_RECORD = "custody:record"
    """Put on an exhibit's chain of custody what is done with it: hand-overs, seals, notes."""
    EVIDENCE_DOWNLOAD = "evidence:download"
    """Take the bytes of an exhibit."""
    EVIDENCE_EXPORT = "evidence:export"
    """Take an exhibit with the proofs that stand without this server."""
    EVIDENCE_LIST = "evidence:list"
    """Know that an exhibit exists."""
    EVIDENCE_READ = "evidence:read"
    """See everything recorded about an exhibit."""
    EVIDENCE_REGISTER = "evidence:register"
    """Take an item of evidence into the workspace."""
    EVIDENCE_RELEASE = "evidence:release"
    """Release an exhibit of one's own party to a third country or an international court."""
    EVIDENCE_REMARK = "evidence:remark"
    """Change the marking of an exhibit of one's own party."""
    EVIDENCE_VERIFY_INBOUND = "evidence:verify_inbound"
    """Let in, or refuse, what a third country or an international court supplied."""
    LOG_READ = "log:read"
    """Read the workspace's audit log."""
    LOG_VERIFY = "log:verify"
    """Take checkpoints and proofs of the workspace's audit log."""
    MEMBER_END = "member:end"
    """End a person's access."""
    MEMBER_INVITE = "member:invite"
    """Give a person access, as the agreement says."""
    MEMBER_LIST = "member:list"
    """See who belongs to the team."""
    MESSAGE_EDIT = "message:edit"
    """Correct a message of one's own; the earlier text stays in its history."""
    MESSAGE_MARK_READ = "message:mark_read"
    """Remember how far one has read."""
    MESSAGE_POST = "message:post"
    """Say something in a channel; drafts and typing belong to it."""
    MESSAGE_READ = "message:read"
    """Read messages."""
    MESSAGE_WITHDRAW = "message:withdraw"
    """Withdraw a message of one's own, with a reason."""
    POLICY_APPLY = "policy:apply"
    """Put a restriction of one's own party's people in force, or lift it as the second person."""
    POLICY_EXPLAIN = "policy:explain"
    """Ask why something is allowed or not."""
    POLICY_PROPOSE = "policy:propose"
    """Propose a restriction of one's own party's people, or its end."""
    PRESENCE_SHOW = "presence:show"
    """See who is here, and be seen."""
    WORKSPACE_CHANGE_PHASE = "workspace:change_phase"
    """Move the workspace on in its life-cycle."""
    WORKSPACE_OPEN = "workspace:open"
    """Open the workspace once every party has signed."""
    WORKSPACE_READ = "workspace:read"
    """Know the workspace: purpose, parties, phase, one's own rights."""
