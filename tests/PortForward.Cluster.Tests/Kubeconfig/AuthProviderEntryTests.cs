using System.Text;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Tests.Kubeconfig;

public sealed class AuthProviderEntryTests : IDisposable
{
    private const string Old = "eyJ.old.token";
    private const string New = "eyJ.new.token";

    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("eyJ.old.token", "eyJ.new.token")]
    [InlineData("'eyJ.old.token'", "\"eyJ.new.token\"")]
    [InlineData("\"eyJ.old.token\"", "\"eyJ.new.token\"")]
    [InlineData("\"eyJ.o\\\n          ld.token\"", "\"eyJ.new.token\"")]
    [InlineData("\"\"", "\"eyJ.new.token\"")]
    [InlineData("''", "\"eyJ.new.token\"")]
    [InlineData("~", "eyJ.new.token")]
    [InlineData("null", "eyJ.new.token")]
    [InlineData(">-\n          eyJ.old.token", "\"eyJ.new.token\"")]
    [InlineData("eyJ.old.token # from the last login", "eyJ.new.token # from the last login")]
    [InlineData("   eyJ.old.token   ", "   eyJ.new.token   ")]
    public async Task Only_the_value_changes_however_it_is_written(string before, string after)
    {
        string text = Text(before);

        await WriteAsync(text, ("id-token", New));

        Result().Should().Be(Text(after));
    }

    [Fact]
    public async Task A_value_that_is_missing_behind_its_key_is_put_there()
    {
        await WriteAsync(Text("").Replace("id-token: \n", "id-token:\n", StringComparison.Ordinal), ("id-token", New));

        Result().Should().Be(Text($"\"{New}\""));
    }

    [Fact]
    public async Task A_value_in_a_block_changes_too()
    {
        await WriteAsync(Text("|\n          eyJ.old.token"), ("id-token", New));

        Result().Should().Be(Text("\"eyJ.new.token\""));
    }

    [Theory]
    [InlineData("12345678", "\"12345678\"")]
    [InlineData("true", "\"true\"")]
    [InlineData("a: b # c", "\"a: b # c\"")]
    [InlineData("say \"it's\" \\ now", "\"say \\\"it's\\\" \\\\ now\"")]
    [InlineData("line\nbreak\tü😀", "\"line\\nbreak\\tü😀\"")]
    [InlineData("1e7", "\"1e7\"")]
    [InlineData("*alias", "\"*alias\"")]
    [InlineData("abc/DEF+ghi==", "abc/DEF+ghi==")]
    public async Task A_value_is_quoted_if_YAML_would_take_it_for_something_else(string value, string written)
    {
        await WriteAsync(Text(Old), ("id-token", value));

        string changed = Result().ReplaceLineEndings("\n");
        // Beyond the first plane the writer may prefer escapes; what counts is what is read.
        if (!value.Contains('\ud83d'))
        {
            changed.Should().Be(Text(written));
        }

        Read()!.Text("id-token").Should().Be(value);
    }

    [Fact]
    public async Task Several_values_change_at_once_in_any_order()
    {
        const string Before = "users:\n- name: u\n  user:\n    auth-provider:\n      config:\n        refresh-token: old-refresh\n        x: y\n        id-token: old-id\n      name: oidc\n";

        await WriteAsync(Before, ("id-token", "longer-new-id"), ("refresh-token", "r-new"));

        Result().Should().Be(Before.Replace("old-refresh", "\"r-new\"", StringComparison.Ordinal).Replace("old-id", "longer-new-id", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("users:\n- name: u\n  user:\n    auth-provider:\n      config:\n        client-id: c\n      name: oidc\n", "        client-id: c\n", "        id-token: \"eyJ.new.token\"\n        client-id: c\n")]
    [InlineData("users: [{name: u, user: {auth-provider: {name: oidc, config: {client-id: c}}}}]", "{client-id", "{\"id-token\": \"eyJ.new.token\", client-id")]
    [InlineData("{\"users\":[{\"name\":\"u\",\"user\":{\"auth-provider\":{\"name\":\"oidc\",\"config\":{\"client-id\":\"c\"}}}}]}", "{\"client-id\"", "{\"id-token\": \"eyJ.new.token\", \"client-id\"")]
    public async Task A_value_that_is_not_there_is_added(string before, string place, string instead)
    {
        await WriteAsync(before, ("id-token", New));

        Result().Should().Be(before.Replace(place, instead, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Json_stays_json()
    {
        const string Before = "{\n\t\"users\": [\n\t\t{\"name\": \"u\", \"user\": {\"auth-provider\": {\"config\": {\"id-token\": \"eyJ.old.token\"}}}}\n\t]\n}\n";

        await WriteAsync(Before, ("id-token", New));

        Result().Should().Be(Before.Replace(Old, New, StringComparison.Ordinal));
        using var _ = System.Text.Json.JsonDocument.Parse(Result());
    }

    [Fact]
    public async Task Only_the_one_user_changes()
    {
        string before = $"# mine 😀\nusers:\n- name: other\n  user: {{auth-provider: {{config: {{id-token: {Old}}}}}}}\n- name: u\n  user: {{auth-provider: {{config: {{id-token: {Old}}}}}}}\n- name: third\n  user: {{auth-provider: {{config: {{id-token: {Old}}}}}}}\n";

        await WriteAsync(before, ("id-token", New));

        int at = before.IndexOf(Old, before.IndexOf("name: u", StringComparison.Ordinal), StringComparison.Ordinal);
        Result().Should().Be($"{before[..at]}{New}{before[(at + Old.Length)..]}");
    }

    [Fact]
    public async Task Byte_order_mark_and_line_endings_stay()
    {
        byte[] before = [.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(Text(Old).ReplaceLineEndings("\r\n"))];
        _folder.Write("config", before);

        await Entry().WriteAsync([KeyValuePair.Create("id-token", New)], CancellationToken.None);

        File.ReadAllBytes(_folder["config"]).Should().Equal([.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(Text(New).ReplaceLineEndings("\r\n"))]);
    }

    [Theory]
    [InlineData("id-token: &t eyJ.old.token\n        copy: *t")]
    [InlineData("id-token: !!str eyJ.old.token\n        copy: x")]
    public async Task What_is_written_in_an_unusual_way_is_changed_rightly_or_not_at_all(string fields)
    {
        string before = $"users:\n- name: u\n  user:\n    auth-provider:\n      config:\n        {fields}\n";
        try
        {
            await WriteAsync(before, ("id-token", New));
            Read()!.Text("id-token").Should().Be(New);
        }
        catch (ClusterException e)
        {
            e.Message.Should().Contain("cannot be changed").And.NotContain("eyJ");
            Result().Should().Be(before);
        }
    }

    [Theory]
    [InlineData("users: []")]
    [InlineData("users:\n- name: u\n  user: {token: t}")]
    [InlineData("users:\n- name: u\n  user: {auth-provider: {config: {id-token: [a]}}}")]
    [InlineData("users:\n- name: u\n  user: {auth-provider: {config: {}}}")]
    public async Task What_is_no_longer_there_cannot_be_changed(string text)
    {
        Func<Task> write = () => WriteAsync(text, ("id-token", New));

        (await write.Should().ThrowAsync<ClusterException>()).WithMessage("the kubeconfig * cannot be changed: its auth-provider of user \"u\" is gone, or written in a way that does not allow it");
        Result().Should().Be(text);
        Directory.GetFiles(_folder.Path).Should().Equal(_folder["config"]);
    }

    [Fact]
    public async Task A_file_that_has_gone_cannot_be_changed()
    {
        Func<Task> write = () => Entry().WriteAsync([KeyValuePair.Create("id-token", New)], CancellationToken.None);

        (await write.Should().ThrowAsync<ClusterException>()).WithMessage("the kubeconfig * cannot be written: *");
        Read().Should().BeNull();
    }

    [Fact]
    public async Task Mode_and_symbolic_links_stay_and_nothing_is_left_behind()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
        string real = _folder.Write("elsewhere/real", Text(Old));
        File.SetUnixFileMode(real, Mode);
        File.CreateSymbolicLink(_folder["config"], "elsewhere/real");

        await Entry().WriteAsync([KeyValuePair.Create("id-token", New)], CancellationToken.None);

        File.GetUnixFileMode(real).Should().Be(Mode);
        File.ReadAllText(real).Should().Be(Text(New));
        new FileInfo(_folder["config"]).LinkTarget.Should().Be("elsewhere/real");
        Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories).Should().BeEquivalentTo(_folder["config"], real);
    }

    [Fact]
    public async Task Another_program_that_writes_is_waited_for()
    {
        var time = new FakeTimeProvider();
        _folder.Write("config", Text(Old));
        string gate = _folder.Write("config.lock", "");
        Task write = Entry(time).WriteAsync([KeyValuePair.Create("id-token", New)], CancellationToken.None);
        time.Advance(TimeSpan.FromMilliseconds(50));
        write.IsCompleted.Should().BeFalse();

        File.Delete(gate);
        await time.AdvanceUntilAsync(write, TimeSpan.FromMilliseconds(50));
        Result().Should().Be(Text(New));
        File.Exists(gate).Should().BeFalse();
    }

    [Fact]
    public async Task A_lock_that_stays_is_told_and_left_alone()
    {
        var time = new FakeTimeProvider();
        _folder.Write("config", Text(Old));
        string gate = _folder.Write("config.lock", "");
        Task write = Entry(time).WriteAsync([KeyValuePair.Create("id-token", New)], CancellationToken.None);
        Func<Task> writing = () => time.AdvanceUntilAsync(write, TimeSpan.FromMilliseconds(50));

        (await writing.Should().ThrowAsync<ClusterException>()).WithMessage("the kubeconfig * cannot be written: *config.lock*");
        Result().Should().Be(Text(Old));
        File.Exists(gate).Should().BeTrue();
    }

    public void Dispose() => _folder.Dispose();

    private static string Text(string token) =>
        $"apiVersion: v1\nkind: Config # of mine\n\nusers:\n- user:\n    auth-provider:\n      name: oidc\n      config:\n        client-id: c\n        id-token: {token}\n        refresh-token: r\n  name: u\ncurrent-context: ''\n";

    private string Result() => File.ReadAllText(_folder["config"]);

    private ConfigMapping? Read() => Entry().Read();

    private AuthProviderEntry Entry(TimeProvider? time = null) => new(_folder["config"], "u", time ?? TimeProvider.System);

    private Task WriteAsync(string text, params (string Key, string Value)[] values)
    {
        _folder.Write("config", text);
        return Entry().WriteAsync([.. values.Select(value => KeyValuePair.Create(value.Key, value.Value))], CancellationToken.None);
    }
}
