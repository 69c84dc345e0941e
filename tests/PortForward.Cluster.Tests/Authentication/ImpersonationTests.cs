using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Tests.Authentication;

public sealed class ImpersonationTests : IDisposable
{
    private readonly PluginFolder _users = new();

    [Fact]
    public void Without_a_user_to_act_as_nothing_is_said() => Headers("{}").Should().BeEmpty();

    [Fact]
    public void The_kubeconfig_may_name_all_of_it() =>
        Headers("{as: jane, as-uid: '7', as-groups: [a, 'b, c'], as-user-extra: {reason: [x, y], Example.com/Scope%: [z], leer: []}}").Should().Equal(
            "Impersonate-User: jane",
            "Impersonate-Uid: 7",
            "Impersonate-Group: a|b, c",
            "Impersonate-Extra-reason: x|y",
            "Impersonate-Extra-Example.com%2FScope%25: z");

    [Fact]
    public void Flags_go_first_each_for_itself()
    {
        const string User = "{as: jane, as-uid: '7', as-groups: [a, b], as-user-extra: {reason: [x, y], scope: [z]}}";

        Headers(User, new ClusterOverrides { As = "john" }).Should().Contain("Impersonate-User: john").And.Contain("Impersonate-Uid: 7");
        Headers(User, new ClusterOverrides { AsUid = "8" }).Should().Contain("Impersonate-User: jane").And.Contain("Impersonate-Uid: 8");
        Headers(User, new ClusterOverrides { AsGroups = ["c"] }).Should().Contain("Impersonate-Group: c");
        Headers(User, new ClusterOverrides { AsUserExtra = [KeyValuePair.Create("reason", "flag"), KeyValuePair.Create("reason", "other")] }).Should()
            .Contain("Impersonate-Extra-reason: flag|other").And.Contain("Impersonate-Extra-scope: z");
    }

    [Fact]
    public void Keys_that_make_the_same_header_are_one() =>
        Headers("{}", new ClusterOverrides { As = "j", AsUserExtra = [KeyValuePair.Create("Key", "a"), KeyValuePair.Create("key", "b")] }).Should()
            .Equal("Impersonate-User: j", "Impersonate-Extra-Key: a|b");

    [Theory]
    [InlineData("{as-uid: '7'}")]
    [InlineData("{as-groups: [a]}")]
    [InlineData("{as-user-extra: {k: [v]}}")]
    public void Nothing_goes_without_a_user_to_act_as(string user)
    {
        Action resolve = () => Headers(user);

        resolve.Should().Throw<ClusterException>().WithMessage("requesting uid, groups or user-extra for u without impersonating a user: add --as");
    }

    [Theory]
    [InlineData("{as: \"a\\r\\nX-Other: b\"}", "Impersonate-User")]
    [InlineData("{as: j, as-uid: \"a\\nb\"}", "Impersonate-Uid")]
    [InlineData("{as: j, as-groups: [ok, \"a\\e[2J\"]}", "Impersonate-Group")]
    [InlineData("{as: j, as-groups: [\"a\\x1eb\"]}", "Impersonate-Group")]
    [InlineData("{as: j, as-user-extra: {k: [\"a\\0b\"]}}", "Impersonate-Extra-k")]
    public void A_control_character_is_refused(string user, string header)
    {
        Action resolve = () => Headers(user);

        resolve.Should().Throw<ClusterException>().WithMessage($"the user to act as contains a line break or another control character (in {header}): remove it");
    }

    [Fact]
    public void A_control_character_in_a_key_is_encoded() =>
        Headers("{as: j, as-user-extra: {\"a\\r\\nb: ü\": [v]}}").Should().Contain("Impersonate-Extra-a%0D%0Ab%3A%20%C3%BC: v");

    public void Dispose() => _users.Dispose();

    private IEnumerable<string> Headers(string user, ClusterOverrides? overrides = null) =>
        _users.Configuration(user, overrides: overrides).Access.Impersonation.Headers.Select(header => $"{header.Key}: {string.Join('|', header.Value)}");
}
