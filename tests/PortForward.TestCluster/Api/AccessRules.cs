namespace PortForward.Testing.Api;

/// <summary>One question of authorization, as RBAC asks it.</summary>
/// <param name="User">Who asks.</param>
/// <param name="Verb">get, list, watch, create, update, patch, delete or impersonate.</param>
/// <param name="Group">The API group; empty for the core group.</param>
/// <param name="Resource">The plural, e.g. <c>pods</c>.</param>
/// <param name="Subresource">E.g. <c>portforward</c>, or null.</param>
/// <param name="Namespace">Null at the cluster scope.</param>
/// <param name="Name">The object, or null for a collection.</param>
public sealed record AccessRequest(string User, string Verb, string Group, string Resource, string? Subresource, string? Namespace, string? Name)
{
    /// <summary>The resource as rules name it: <c>pods</c> or <c>pods/portforward</c>.</summary>
    public string RuleResource => Subresource is null ? Resource : $"{Resource}/{Subresource}";
}

/// <summary>Who may do what. Everything is allowed until a rule says otherwise.</summary>
public sealed class AccessRules
{
    private readonly Lock _lock = new();
    private readonly List<Func<AccessRequest, bool?>> _rules = [];

    internal AccessRules()
    {
    }

    /// <summary>Denies a user a verb on a resource (<c>pods</c>, <c>pods/portforward</c>); <c>*</c> stands for any, a null namespace for all.</summary>
    public void Deny(string user, string verb, string resource, string? inNamespace = null) =>
        Add(access => Matches(access, user, verb, resource, inNamespace) ? false : null);

    /// <summary>Allows a user only the given pairs of verb and resource, in any namespace.</summary>
    public void AllowOnly(string user, params (string Verb, string Resource)[] rights) =>
        Add(access => access.User == user ? Array.Exists(rights, right => Matches(access, user, right.Verb, right.Resource, null)) : null);

    /// <summary>Adds a rule of any kind; null means that it has nothing to say. The latest rule that answers decides.</summary>
    public void Add(Func<AccessRequest, bool?> rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        lock (_lock)
            _rules.Insert(0, rule);
    }

    /// <summary>Removes all rules: everything is allowed again.</summary>
    public void Clear()
    {
        lock (_lock)
            _rules.Clear();
    }

    internal bool Allows(AccessRequest access)
    {
        lock (_lock)
            return _rules.Select(rule => rule(access)).FirstOrDefault(answer => answer is not null) ?? true;
    }

    private static bool Matches(AccessRequest access, string user, string verb, string resource, string? inNamespace) =>
        (user == "*" || user == access.User) &&
        (verb == "*" || verb == access.Verb) &&
        (resource == "*" || resource == access.RuleResource) &&
        (inNamespace is null || inNamespace == access.Namespace);
}
